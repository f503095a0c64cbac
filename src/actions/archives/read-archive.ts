import { closeSync, createReadStream, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { ArchiveHeader } from '../../archive/header.ts'
import { MemberCheck, type Part } from '../../archive/member-check.ts'
import { TarError } from '../../archive/tar-header.ts'
import { type CheckedBytes, TarGuard } from '../../archive/tar-guard.ts'
import { OperationError, messageOf, throwIfInterrupted } from '../../errors.ts'
import { type SnapshotRecord, parseRecord } from '../../store/record.ts'
import { startPiped } from '../../system/spawn-piped.ts'

/** An archive that is read: a file, or what comes over standard input. */
export interface ArchiveSource {
  /** For messages. */
  name: string
  open: () => Readable
}

export interface ReadOptions {
  allowsDevices: boolean
  signal: AbortSignal | undefined
  /** Takes what was checked, in its order; false ends the reading. */
  onChecked: (checked: CheckedBytes<Part>, check: MemberCheck) => Promise<boolean>
}

export interface ArchiveFacts {
  header: ArchiveHeader
  record: SnapshotRecord
}

export function fileSource(path: string): ArchiveSource {
  return { name: path, open: () => createReadStream(path, { highWaterMark: 1024 * 1024 }) }
}

/**
 * Reads an archive from its beginning, and hands on what was checked. Throws OperationError that
 * names the archive for one that is damaged, cut off or was not made here.
 */
export async function readArchive(
  source: ArchiveSource,
  { allowsDevices, signal, onChecked }: ReadOptions,
): Promise<void> {
  const check = new MemberCheck({
    allowsDevices,
    capture: (size, take) => guard.capture(size, take),
  })
  const guard: TarGuard<Part> = new TarGuard<Part>('own', (member) => check.check(member))
  const compressed = source.open()
  const zstd = startPiped('zstd', ['-dcq'], { input: 'pipe', signal })
  const failed = feed(compressed, zstd.stdin)

  try {
    for await (const chunk of zstd.stdout as AsyncIterable<Buffer>) {
      for (const checked of guard.push(chunk)) {
        if (!(await onChecked(checked, check))) return
      }
    }
    const { exitCode, stderr } = await zstd.ended
    if (failed.error !== undefined) throw failed.error
    if (exitCode !== 0) throw new OperationError(`it is damaged, or no archive (${stderr.trim()})`)
    if (!guard.isEnded) throw new OperationError('it is cut off')
  } catch (error) {
    throwIfInterrupted(signal)
    throw explain(source, error)
  } finally {
    compressed.destroy()
    zstd.kill()
  }
}

/** By hand, because a program that ends early is no failure here. */
function feed(from: Readable, to: NodeJS.WritableStream | undefined): { error?: Error } {
  const failed: { error?: Error } = {}
  from.on('error', (error) => {
    failed.error = error
    to?.end()
  })
  if (to !== undefined) from.pipe(to)
  return failed
}

function explain({ name }: ArchiveSource, error: unknown): unknown {
  if (error instanceof TarError) {
    return new OperationError(`${name} is refused: ${error.message}`, {
      cause: error,
      fix: 'import only what "snap-volume export" wrote',
    })
  }
  if (error instanceof OperationError && !error.message.startsWith(name)) {
    const { problem, fix = 'copy it here again' } = error
    return new OperationError(`${name} is refused: ${problem}`, { cause: error, fix })
  }
  return error
}

/** What an archive says of itself, which is at its beginning. Throws OperationError. */
export async function readFacts(
  source: ArchiveSource,
  signal: AbortSignal | undefined,
): Promise<ArchiveFacts> {
  let facts: ArchiveFacts | undefined
  await readArchive(source, {
    allowsDevices: true,
    signal,
    onChecked: async (_, check) => {
      facts = factsOf(source, check)
      return facts === undefined
    },
  })
  if (facts === undefined) throw new OperationError(`${source.name} has no data of a volume`)
  return facts
}

/** Undefined until both have come. */
export function factsOf(
  source: ArchiveSource,
  { header, record: text }: MemberCheck,
): ArchiveFacts | undefined {
  if (header === undefined || text === '') return undefined
  let record
  try {
    record = parseRecord(text)
  } catch (error) {
    throw new OperationError(`its record is broken: ${messageOf(error)}`, { cause: error })
  }
  const isOfIt =
    record.name === header.snapshot && record.volumes.some(({ id }) => id === header.volume)
  if (isOfIt) return { header, record }
  throw new OperationError(`the record in ${source.name} is not of ${header.snapshot}`)
}

/** Throws the error of the system for what cannot be opened. */
export function assertReadable(path: string): void {
  closeSync(openSync(path, 'r'))
}
