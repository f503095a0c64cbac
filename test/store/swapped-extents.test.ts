import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { takeSnapshot } from '../../src/actions/snapshot/take-snapshot.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { ownerId } from './support/hostile-owner.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

/**
 * XFS_IOC_SWAPEXT of xfs_fs.h with two open files, the size of both and what stat(2) says of the
 * first one.
 */
const program = String.raw`
  my ($one, $other, $size, $stat) = @ARGV;
  open my $target, '+<', $one or die $!;
  open my $donor, '+<', $other or die $!;
  my $swap = pack 'q5 x16 a136', 0, fileno $target, fileno $donor, 0, $size, pack 'H*', $stat;
  ioctl $target, 0xc0c0586d, $swap or die "swapext: $!";
`

describe('A file whose extents its owner exchanges on XFS', () => {
  let filesystem: LoopFilesystem
  let store: InProcessStore
  let file: string
  let donor: string

  before(async function () {
    filesystem = await loopOrSkip(this, 'xfs')
    chmodSync(dirname(filesystem.path), 0o755)
  })

  after(() => filesystem?.remove())

  beforeEach(async () => {
    store = makeInProcessStore('link', 5, filesystem.path)
    chmodSync(dirname(store.data), 0o755)
    file = join(store.data, 'file')
    donor = join(dirname(store.data), 'donor')
    for (const path of [file, donor]) {
      writeFileSync(path, path === file ? 'before' : 'after!')
      chownSync(path, ownerId, ownerId)
    }
    await shellIn(store.data, 'sync -f .')
    await untilAllIsOld(store.data)
    await store.snapshot()
  })

  afterEach(() => store.remove())

  /** As the owner, who then has the other content in a file with the same times. */
  function swapExtents(): void {
    const size = String(lstatSync(file).size)
    const words = ['-e', program, file, donor, size, describeFile(file)]
    execFileSync('perl', words, { uid: ownerId, gid: ownerId, stdio: 'pipe' })
  }

  it('is copied by a snapshot that compares contents', async function () {
    const before = lstatSync(file, { bigint: true }).ctimeNs
    try {
      swapExtents()
    } catch (error) {
      skipBecause(this, `no extents can be exchanged: ${String(error).replaceAll(/\s+/g, ' ')}`)
    }
    expect(lstatSync(file, { bigint: true }).ctimeNs, 'ctime').to.equal(before)
    expect(readFileSync(file, 'utf8')).to.equal('after!')
    const options = { kind: 'manual', checksum: true } as const
    const { record } = await takeSnapshot(store.context, options)
    const differences = compareTrees(walkTree(store.data), walkTree(store.dataIn(record.name)))
    expect(differences).to.deep.equal([])
  })
})

/** As struct xfs_bstat, in hexadecimal digits. */
function describeFile(path: string): string {
  const stat = lstatSync(path, { bigint: true })
  const described = Buffer.alloc(136)
  described.writeBigUInt64LE(stat.ino, 0)
  described.writeBigInt64LE(stat.size, 32)
  for (const [index, timeNs] of [stat.atimeNs, stat.mtimeNs, stat.ctimeNs].entries()) {
    described.writeBigInt64LE(timeNs / 1_000_000_000n, 40 + index * 16)
    described.writeInt32LE(Number(timeNs % 1_000_000_000n), 48 + index * 16)
  }
  return described.toString('hex')
}
