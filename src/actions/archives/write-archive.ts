import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { constants, zstdCompressSync } from 'node:zlib'
import { OperationError, ProgramError, throwIfInterrupted } from '../../errors.ts'
import { ownDirectory } from '../../archive/member-check.ts'
import { type BytePath, joinPath } from '../../tree/byte-path.ts'
import { listPaths } from '../../tree/path-list.ts'
import { spawn } from '../../system/spawn.ts'
import { startPiped } from '../../system/spawn-piped.ts'
import type { CopyProgress } from '../../copy/engine.ts'

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
]

const recordBytes = 10_240
const recordsEach = 400

export interface DataReading {
  /** The directory of the snapshot. */
  directory: string
  volume: string
  /** Of all files; 0 where nobody knows. */
  totalFiles: number
  totalBytes: number
  onProgress: (progress: CopyProgress) => void
  signal: AbortSignal | undefined
}

/** Where `.snap-volume` is made, as programs reach it, and what is in that. */
export interface OwnFilesPlace {
  cwd: string
  names: readonly string[]
}

/** A compressed archive, or a part of one, as it comes. */
export interface ArchivePart {
  output: Readable
  /** Throws ProgramError where it is not all. */
  assertWhole: () => Promise<void>
  stop: () => void
}

/** So much is read ahead, while it is found out what comes before it. */
const aheadBytes = 48 * 1024 * 1024

/** Begins to read all of a volume. */
export function readWholeVolume(reading: DataReading): ArchivePart {
  const { directory, volume } = reading
  const part = startTar(reading, ['--one-file-system', '-C', directory, volume])
  const ahead = new PassThrough({ highWaterMark: aheadBytes })
  return { ...part, output: part.output.pipe(ahead) }
}

/** What an archive holds beside the data, as a part without an end, which is small. */
export async function readOwnFiles({ cwd, names }: OwnFilesPlace): Promise<Buffer> {
  const chunks: Buffer[] = []
  const words = [...creating, '--no-recursion', '--blocking-factor=1', ...pathsOf(names)]
  const { exitCode, stderr } = await spawn('tar', words, {
    cwd,
    onOutput: (chunk) => chunks.push(chunk),
  })
  assertEnded('tar', { exitCode, stderr })
  // two blocks of zeros are the end
  const whole = Buffer.concat(chunks)
  return zstdCompressSync(whole.subarray(0, whole.length - endBytes), {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
  })
}

const endBytes = 1024

/** Begins to read what an archive holds beside the data, and then these members. */
export function readMembers(
  reading: DataReading,
  own: OwnFilesPlace,
  members: readonly BytePath[],
): ArchivePart {
  const { directory, volume } = reading
  const named = members.map((path) => (path === '' ? volume : joinPath(volume, path)))
  const listed = ['--null', '--verbatim-files-from', '--no-unquote', '-T', '-']
  return startTar(
    reading,
    ['--no-recursion', '-C', own.cwd, ...pathsOf(own.names), '-C', directory, ...listed],
    listPaths(named),
  )
}

function pathsOf(names: readonly string[]): string[] {
  return names.map((name) => (name === '' ? ownDirectory : `${ownDirectory}/${name}`))
}

function startTar(reading: DataReading, words: readonly string[], input?: Buffer): ArchivePart {
  const { signal } = reading
  const told = [`--checkpoint=${recordsEach}`, '--checkpoint-action=echo=%u']
  const tar = startPiped('tar', [...creating, ...told, ...words], {
    ...(input === undefined ? {} : { input: 'pipe' as const }),
    signal,
    onLine: progressOf(reading),
  })
  tar.stdin?.end(input)
  const zstd = startPiped('zstd', ['-q', '-3', '-T2', '-c'], { input: tar.stdout, signal })
  return {
    output: zstd.stdout,
    async assertWhole() {
      assertEnded('tar', await tar.ended)
      assertEnded('zstd', await zstd.ended)
    },
    stop() {
      tar.kill()
      zstd.kill()
    },
  }
}

/** Writes an archive, and gives its size and SHA-256. Throws OperationError. */
export async function writeArchive(
  first: Buffer,
  part: ArchivePart,
  output: Writable,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  const write = async (chunk: Buffer): Promise<void> => {
    hash.update(chunk)
    bytes += chunk.length
    if (!output.write(chunk)) await drained(output, signal)
  }

  if (first.length > 0) await write(first)
  for await (const chunk of part.output as AsyncIterable<Buffer>) await write(chunk)
  await part.assertWhole()
  return { bytes, sha256: hash.digest('hex') }
}

/** Ends with the error of the stream, too; one that is closed takes nothing any more. */
async function drained(output: Writable, signal: AbortSignal | undefined): Promise<void> {
  if (output.destroyed || output.errored !== null) {
    throw new OperationError('whoever reads the archive is gone', {
      cause: output.errored,
      fix: 'look at what it says, then export again',
    })
  }
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
  totalFiles,
  onProgress,
}: DataReading): (line: string) => boolean {
  return (line) => {
    const [, records] = /^tar: (\d+)$/.exec(line) ?? []
    if (records === undefined) return false
    const bytes = Number(records) * recordBytes
    const fraction = totalBytes === 0 ? 0 : Math.min(1, bytes / totalBytes)
    onProgress({ files: Math.floor(fraction * totalFiles), totalFiles, bytes, fraction })
    return true
  }
}

/** A link that is made to a file while it is read moves its ctime, and changes nothing of it. */
const harmless = /: (file changed as we read it|socket ignored)$/

function assertEnded(
  program: string,
  { exitCode, stderr }: { exitCode: number; stderr: string },
): void {
  const lines = stderr.split('\n').filter((line) => line !== '')
  if (exitCode === 0 || (exitCode === 1 && lines.every((line) => harmless.test(line)))) return
  const first = lines.find((line) => !harmless.test(line)) ?? ''
  throw new ProgramError(`${program} failed with exit code ${exitCode}: ${first}`, stderr)
}
