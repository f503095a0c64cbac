import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { OperationError } from '../../../src/errors.ts'
import { openDirectory } from '../../../src/tree/directory-handle.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('openDirectory', () => {
  const directory = useTemporaryDirectory()

  it('reaches what is in the directory', () => {
    writeFileSync(join(directory.path, 'a'), 'text')
    using handle = openDirectory(directory.path)
    expect(readFileSync(`${handle.here}/a`, 'utf8')).to.equal('text')
  })

  it('is a working directory for other programs', () => {
    writeFileSync(join(directory.path, 'a'), 'text')
    using handle = openDirectory(directory.path)
    expect(readFileSync(`${handle.cwd}/a`, 'utf8')).to.equal('text')
  })

  it('stays what it was when a link takes its place', () => {
    const path = join(directory.path, 'data')
    mkdirSync(path)
    writeFileSync(join(path, 'a'), 'text')
    using handle = openDirectory(path)
    renameSync(path, `${path}.moved`)
    symlinkSync('/etc', path)
    expect(existsSync(`${handle.here}/a`)).to.equal(true)
  })

  it('refuses a path that is missing', () => {
    expect(() => openDirectory(join(directory.path, 'x'))).to.throw(
      OperationError,
      'there is no directory',
    )
  })

  it('refuses a file', () => {
    const path = join(directory.path, 'a')
    writeFileSync(path, '')
    expect(() => openDirectory(path)).to.throw(OperationError, 'is not a directory but a file')
  })

  it('refuses a symbolic link', () => {
    const path = join(directory.path, 'link')
    symlinkSync('/etc', path)
    expect(() => openDirectory(path)).to.throw(OperationError, 'a symbolic link')
  })

  it('refuses a path through a symbolic link, and names the real one', () => {
    mkdirSync(join(directory.path, 'real/data'), { recursive: true })
    symlinkSync('real', join(directory.path, 'link'))
    expect(() => openDirectory(join(directory.path, 'link/data'))).to.throw(
      OperationError,
      `use ${join(directory.path, 'real/data')} instead`,
    )
  })

  it('refuses a relative path', () => {
    expect(() => openDirectory('.')).to.throw(OperationError)
  })
})
