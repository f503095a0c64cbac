import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type Writable } from 'node:stream'
import { ProgramError, throwIfInterrupted } from '../../errors.ts'
import { ownDirectory } from '../../archive/member-check.ts'
import { type BytePath, joinPath } from '../../tree/byte-path.ts'
import { listPaths } from '../../tree/path-list.ts'
import { startPiped } from '../../system/spawn-piped.ts'
import type { CopyProgress } from '../../copy/engine.ts'
import type { ArchivedTree } from './archived-tree.ts'

/**
 * All that tar keeps, in a form that says no more than that. ACLs are there twice: as text, and as
 * raw attributes by the numbers of users, because the text has their names. XFS shows ACLs as
 * attributes of its own too.
 */
const creating = [
  '--create',
  '--format=posix',
  '--acls',
  '--xattrs',
  '--xattrs-include=*',
  '--xattrs-exclude=trusted.SGI_ACL_*',
  '--numeric-owner',
  '-S',
  '--pax-option=delete=atime,delete=ctime',
  '--no-recursion',
  '--null',
  '--verbatim-files-from',
  '--no-unquote',
]

const recordBytes = 10_240
const recordsEach = 400

export interface ArchiveWriting {
  tree: ArchivedTree
  volume: string
  /** Paths of the volume, in the order in which they come. */
  members: readonly BytePath[]
  /** A directory with `.snap-volume` in it, as programs reach it, and what is in that. */
  own: { cwd: string; names: readonly string[] }
  /** Gets the compressed archive. */
  output: Writable
  /** Of all files. */
  totalBytes: number
  onProgress: (progress: CopyProgress) => void
  signal: AbortSignal | undefined
}

/** Writes an archive, and gives its size and SHA-256. Throws OperationError. */
export async function writeArchive(
  writing: ArchiveWriting,
): Promise<{ bytes: number; sha256: string }> {
  const { tree, volume, members, own, signal } = writing
  const words = [
    ...creating,
    `--checkpoint=${recordsEach}`,
    '--checkpoint-action=echo=%u',
    '-C',
    own.cwd,
    ...own.names.map((name) => `${ownDirectory}${name === '' ? '' : '/'}${name}`),
    '-C',
    tree.snapshot.path,
    '-T',
    '-',
  ]
  const tar = startPiped('tar', words, { input: 'pipe', signal, onLine: progressOf(writing) })
  tar.stdin?.end(listPaths(members.map((path) => joinPath(volume, path).replace(/\/$/, ''))))
  const zstd = startPiped('zstd', ['-q', '-3', '-T2', '-c'], { input: tar.stdout, signal })

  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of zstd.stdout as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
      if (!writing.output.write(chunk)) await drained(writing.output, signal)
    }
    assertWhole('tar', await tar.ended)
    assertWhole('zstd', await zstd.ended)
  } finally {
    tar.kill()
    zstd.kill()
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Ends with the error of the stream, too. */
async function drained(output: Writable, signal: AbortSignal | undefined): Promise<void> {
  try {
    await once(output, 'drain', signal === undefined ? {} : { signal })
  } catch (error) {
    throwIfInterrupted(signal)
    throw error
  }
}

/** How far tar is, by what it prints. */
function progressOf({
  totalBytes,
  members,
  onProgress,
}: ArchiveWriting): (line: string) => boolean {
  return (line) => {
    const [, records] = /^tar: (\d+)$/.exec(line) ?? []
    if (records === undefined) return false
    const bytes = Number(records) * recordBytes
    const fraction = Math.min(1, bytes / Math.max(1, totalBytes))
    const totalFiles = members.length
    onProgress({ files: Math.floor(fraction * totalFiles), totalFiles, bytes, fraction })
    return true
  }
}

/** A link that is made to a file while it is read moves its ctime, and changes nothing of it. */
const harmless = /: (file changed as we read it|socket ignored)$/

function assertWhole(
  program: string,
  { exitCode, stderr }: { exitCode: number; stderr: string },
): void {
  const lines = stderr.split('\n').filter((line) => line !== '')
  if (exitCode === 0 || (exitCode === 1 && lines.every((line) => harmless.test(line)))) return
  const first = lines.find((line) => !harmless.test(line)) ?? ''
  throw new ProgramError(`${program} failed with exit code ${exitCode}: ${first}`, stderr)
}
