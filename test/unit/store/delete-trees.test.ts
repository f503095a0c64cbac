import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { InterruptedError } from '../../../src/errors.ts'
import { deleteTrees } from '../../../src/store/delete-trees.ts'
import { skipBecause } from '../../support/skip.ts'
import { rejectionOf } from '../support/rejection.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('deleteTrees', () => {
  const directory = useTemporaryDirectory()
  const inside = (...names: string[]): string => join(directory.path, ...names)

  beforeEach(() => {
    mkdirSync(inside('tree'))
    mkdirSync(inside('elsewhere/deep'), { recursive: true })
    writeFileSync(inside('elsewhere/deep/file'), 'precious')
  })

  async function expectGone(...names: string[]): Promise<void> {
    expect(await deleteTrees(names.map((name) => inside(name)))).to.equal('')
    expect(names.filter((name) => existsSync(inside(name)))).to.deep.equal([])
  }

  it('deletes a directory with more names than are held at a time, and what is beside it', async function () {
    this.timeout(60_000)
    mkdirSync(inside('tree/a'))
    for (const path of ['tree', 'tree/a']) {
      execFileSync('sh', ['-c', 'seq 130000 | xargs touch'], { cwd: inside(path) })
    }
    mkdirSync(inside('other/b'), { recursive: true })
    await expectGone('tree', 'other')
  })

  it('deletes several trees with all that is in them', async () => {
    mkdirSync(inside('tree/a/b/c'), { recursive: true })
    mkdirSync(inside('other'))
    writeFileSync(inside('tree/a/b/c/file'), '')
    await expectGone('tree', 'other')
  })

  it('deletes more trees than it may open at a time', async () => {
    const names = Array.from({ length: 1500 }, (_, index) => `tree${index}`)
    for (const name of names) mkdirSync(inside(name, 'deep'), { recursive: true })
    await expectGone(...names)
  })

  it('deletes directories with more names than one call of rm takes', async () => {
    for (let index = 0; index < 5000; index += 1) writeFileSync(inside('tree', `${index}`), '')
    await expectGone('tree')
  })

  it('deletes to any depth', async () => {
    mkdirSync(inside('tree', ...Array.from({ length: 500 }, () => 'd')), { recursive: true })
    await expectGone('tree')
  })

  it('deletes whatever the names are', async () => {
    const names = ['-rf', 'new\nline', ' blank ', 'quote\'"', '\xff\xfe', '*', '\\', '--', '...']
    mkdirSync(inside('tree/many'))
    for (const name of names) {
      writeFileSync(Buffer.from(inside('tree/many', name), 'latin1'), '')
      mkdirSync(Buffer.from(inside('tree', `d${name}`), 'latin1'))
    }
    // enough of them to be shared among processes
    for (let index = 0; index < 20; index += 1) writeFileSync(inside('tree/many', `${index}`), '')
    await expectGone('tree')
  })

  it('deletes a link, and nothing where it leads', async () => {
    symlinkSync('../elsewhere', inside('tree/link'))
    mkdirSync(inside('tree/many'))
    for (let index = 0; index < 20; index += 1) {
      symlinkSync('../../elsewhere/deep', inside('tree/many', `${index}`))
    }
    await expectGone('tree')
    expect(readFileSync(inside('elsewhere/deep/file'), 'utf8')).to.equal('precious')
  })

  it('deletes a link that is named itself, and nothing where it leads', async () => {
    symlinkSync('elsewhere', inside('link'))
    await expectGone('link')
    expect(existsSync(inside('elsewhere/deep/file'))).to.equal(true)
  })

  it('leaves the other names of a hard link, and the mode of the file', async () => {
    writeFileSync(inside('elsewhere/linked'), 'shared', { mode: 0o400 })
    linkSync(inside('elsewhere/linked'), inside('tree/linked'))
    await expectGone('tree')
    expect(readFileSync(inside('elsewhere/linked'), 'utf8')).to.equal('shared')
    expect(lstatSync(inside('elsewhere/linked')).mode & 0o777).to.equal(0o400)
  })

  it('says what it could not delete, and deletes the rest', async function () {
    for (const name of ['held', 'free']) writeFileSync(inside('tree', name), '')
    try {
      execFileSync('chattr', ['+i', inside('tree/held')], { stdio: 'ignore' })
    } catch {
      skipBecause(this, 'no chattr +i on the filesystem of the temporary directory')
    }
    try {
      expect(await deleteTrees([inside('tree')])).to.match(/^rm: .*held.*Operation not permitted$/)
      expect(existsSync(inside('tree/free'))).to.equal(false)
    } finally {
      execFileSync('chattr', ['-i', inside('tree/held')])
    }
  })

  it('ends when it is interrupted', async () => {
    writeFileSync(inside('tree/file'), '')
    const error = await rejectionOf(deleteTrees([inside('tree')], AbortSignal.abort()))
    expect(error).to.be.instanceOf(InterruptedError)
  })
})
