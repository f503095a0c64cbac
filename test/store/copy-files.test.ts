import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { copyFiles } from '../../src/copy/programs/copy-files.ts'
import type { RsyncTrees } from '../../src/copy/programs/copy-listed.ts'
import { listPaths } from '../../src/tree/path-list.ts'
import type { CopyList } from '../../src/copy/scan/copy-list.ts'
import { recopyChangedFiles } from '../../src/copy/link/recopy.ts'
import { type DirectoryHandle, openDirectory } from '../../src/tree/directory-handle.ts'
import { shellIn } from '../support/shell.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { useTemporaryDirectory } from '../unit/support/temporary-directory.ts'

describe('A list of files', () => {
  const directory = useTemporaryDirectory()
  let source: string
  let target: string
  let handles: DirectoryHandle[]
  let trees: RsyncTrees

  beforeEach(() => {
    source = join(directory.path, 'source')
    target = join(directory.path, 'target')
    mkdirSync(source)
    mkdirSync(target)
    const [from, to] = (handles = [openDirectory(source), openDirectory(target)])
    if (from === undefined || to === undefined) throw new Error('not opened')
    trees = { source: from, staging: to, lockDescriptor: 1 }
  })

  afterEach(() => {
    for (const handle of handles) handle[Symbol.dispose]()
  })

  function listed(paths: readonly string[]): CopyList {
    const stats = paths.map((path) => lstatSync(join(source, path), { bigint: true }))
    return {
      paths: listPaths(paths),
      seen: BigInt64Array.from(stats.flatMap(({ ino, ctimeNs }) => [ino, ctimeNs])),
      files: paths.length,
      bytes: stats.reduce((total, { size }) => total + Number(size), 0),
      allocatedBytes: 0,
    }
  }

  const copy = async (list: CopyList): Promise<boolean> =>
    (await copyFiles(trees, list, () => undefined)).isComplete

  it('is copied with all attributes, and no pipe is read from', async () => {
    await shellIn(
      source,
      `echo file > file; ln -s /etc link; mkfifo pipe; mknod device c 1 3; chown 12:34 file; chown -h 56:78 link
      chmod 4751 file; setfacl -m u:1234:r file; setfattr -n user.colour -v red file; touch -d '2001-02-03 04:05:06.789012345' file
      truncate -s 1M hole; echo end >> hole`,
    )
    expect(await copy(listed(['file', 'link', 'pipe', 'device', 'hole']))).to.equal(true)
    await shellIn(directory.path, 'touch -r source target')
    expect(compareTrees(walkTree(source), walkTree(target))).to.deep.equal([])
  })

  it('never changes a file that staging shares with a snapshot', async () => {
    writeFileSync(join(source, 'file'), 'new')
    writeFileSync(join(directory.path, 'in-a-snapshot'), 'old')
    linkSync(join(directory.path, 'in-a-snapshot'), join(target, 'file'))
    expect(await copy(listed(['file']))).to.equal(true)
    expect(readFileSync(join(target, 'file'), 'utf8')).to.equal('new')
    expect(readFileSync(join(directory.path, 'in-a-snapshot'), 'utf8')).to.equal('old')
  })

  it('is completed where a file is gone when it is its turn', async () => {
    writeFileSync(join(source, 'gone'), 'gone')
    writeFileSync(join(source, 'here'), 'here')
    const list = listed(['gone', 'here'])
    await shellIn(source, 'rm gone')
    expect(await copy(list)).to.equal(false)
    expect(readdirSync(target)).to.deep.equal(['here'])
  })

  it('leaves out what is in a directory that took the place of a file', async () => {
    writeFileSync(join(source, 'entry'), 'file')
    const list = listed(['entry'])
    await shellIn(source, 'rm entry; mkdir entry; echo secret > entry/inside')
    chmodSync(join(source, 'entry'), 0o751)
    const isComplete = await copy(list)
    const { warnings } = await recopyChangedFiles(trees, [{ list, isComplete }])
    expect(warnings).to.have.lengthOf(1)
    expect(warnings[0]).to.include({ code: 'moving' })
    expect(readdirSync(join(target, 'entry'))).to.deep.equal([])
    expect(lstatSync(join(target, 'entry')).mode & 0o7777).to.equal(0o751)
  })
})
