import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { OperationError } from '../../../src/errors.ts'
import { storeLayout } from '../../../src/store/layout.ts'
import { createStore, openStore } from '../../../src/store/open.ts'
import { skipBecause } from '../../support/skip.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('a store', () => {
  const directory = useTemporaryDirectory()
  const path = (): string => join(directory.path, 'deep/snap')

  describe('is made', () => {
    it('with all that is in it', () => {
      const store = createStore(path())
      for (const place of [store.own, store.staging, store.trash, store.journal]) {
        expect(statSync(place).isDirectory()).to.equal(true)
      }
    })

    it('open to read, so that people find their snapshots', () => {
      expect(statSync(createStore(path()).directory).mode & 0o777).to.equal(0o755)
    })

    it("with the program's own directory closed to others", () => {
      expect(statSync(createStore(path()).own).mode & 0o777).to.equal(0o700)
    })

    it('once: what is there stays', () => {
      const { config } = createStore(path())
      writeFileSync(config, '{}')
      createStore(path())
      expect(statSync(config).size).to.equal(2)
    })

    it('in a directory whose mode somebody chose, which stays', () => {
      mkdirSync(path(), { recursive: true })
      chmodSync(path(), 0o750)
      createStore(path())
      expect(statSync(path()).mode & 0o777).to.equal(0o750)
    })

    it('not through a symbolic link in place of its own directory', () => {
      mkdirSync(path(), { recursive: true })
      mkdirSync(join(directory.path, 'elsewhere'))
      symlinkSync(join(directory.path, 'elsewhere'), storeLayout(path()).own)
      expect(() => createStore(path())).to.throw(OperationError, 'a file or a link: move it away')
    })

    it('not where a file is in the way', () => {
      writeFileSync(join(directory.path, 'file'), '')
      expect(() => createStore(join(directory.path, 'file'))).to.throw(OperationError)
    })

    it('not in a directory of another user, who could exchange what is in it', function () {
      if (process.geteuid?.() !== 0) skipBecause(this, 'only root can give a directory away')
      mkdirSync(path(), { recursive: true })
      chownSync(path(), 12_345, 12_345)
      expect(() => createStore(path())).to.throw(OperationError, 'belongs to user 12345')
    })
  })

  describe('is opened', () => {
    it('when it is there', () => {
      createStore(path())
      expect(openStore(path())).to.deep.equal(storeLayout(path()))
    })

    it('not where there is nothing, and says how to reach it', () => {
      expect(() => openStore(path())).to.throw(
        OperationError,
        /there is no store at .*--volumes-from/,
      )
    })

    it('not where no start has been, and says so', () => {
      mkdirSync(path(), { recursive: true })
      expect(() => openStore(path())).to.throw(OperationError, /is not a store yet: run .*start/)
    })

    it('not through a symbolic link', () => {
      createStore(path())
      const link = join(directory.path, 'link')
      symlinkSync(path(), link)
      expect(() => openStore(link)).to.throw(OperationError, 'a file or a link')
    })
  })
})
