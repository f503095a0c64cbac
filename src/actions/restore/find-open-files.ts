import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { Clock } from '../../system/clock.ts'
import { type LeaseAnswer, O_PATH, askForLeases } from '../../system/leases.ts'
import {
  type BytePath,
  displayPath,
  joinPath,
  readEntries,
  systemPath,
} from '../../tree/byte-path.ts'
import type { DirectoryHandle } from '../../tree/directory-handle.ts'
import { yielding } from '../../tree/yielding.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import type { OpenFiles } from '../writers.ts'

const { O_NOFOLLOW } = constants

/** Fewer than a process may have open anywhere, 1024. */
const filesAtATime = 800
const mostPaths = 10
/** A file that is only read for a moment, such as by a backup, is not in use. */
const looks = 3
const betweenLooksMs = 200

/**
 * Asks for some files near the root of `live`, unless `near` is false, and for `paths`, of which more
 * than `mostAsked` are not.
 */
export async function findOpenFiles(
  live: DirectoryHandle,
  paths: Iterable<BytePath>,
  except: ReadonlySet<BytePath>,
  {
    clock,
    signal,
    near = true,
  }: { clock: Clock; signal?: AbortSignal | undefined; near?: boolean },
): Promise<OpenFiles> {
  const wanted = new Set(near ? listNear(live, except) : [])
  for (const path of paths) {
    if (wanted.size === mostAsked) break
    wanted.add(path)
  }

  const found = await askAll(live, wanted, signal)
  let open = pathsOf(found, 'open')
  for (let look = 1; look < looks && open.length > 0; look += 1) {
    await clock.sleep(betweenLooksMs, signal)
    open = pathsOf(await askAll(live, open, signal), 'open')
  }

  const denied = pathsOf(found, 'denied').length
  const unknown = pathsOf(found, 'unknown').length
  const why =
    denied > 0
      ? 'they belong to other users (run it with the capability LEASE, --cap-add LEASE)'
      : 'their filesystem has no leases, the kernel is older than 5.3, or there is no perl(1)'
  return {
    asked: found.size,
    open: open.length,
    paths: open.slice(0, mostPaths).map(displayPath),
    unknown: denied + unknown,
    ...(denied + unknown === 0 ? {} : { why }),
  }
}

/** For a tree of a million files it takes as long as the restore of them otherwise. */
export const mostAsked = 20_000
/** Servers keep their locks, logs and tables there. */
const mostNear = 800

/** Directory by directory, those near the root first. */
function listNear(live: DirectoryHandle, except: ReadonlySet<BytePath>): BytePath[] {
  using reader = new TreeReader(live.here)
  const files: BytePath[] = []
  const pending: BytePath[] = ['']
  for (let read = 0; read < mostNear && files.length < mostNear; read += 1) {
    const directory = pending.shift()
    if (directory === undefined) break
    const here = reader.enter(directory)
    if (here === undefined) continue

    for (const entry of readEntries(here)) {
      const path = joinPath(directory, entry.name)
      if (except.has(path)) continue
      if (entry.isDirectory) pending.push(path)
      else files.push(path)
      if (files.length === mostNear) break
    }
  }

  return files
}

async function askAll(
  live: DirectoryHandle,
  paths: Iterable<BytePath>,
  signal: AbortSignal | undefined,
): Promise<Map<BytePath, LeaseAnswer>> {
  using reader = new TreeReader(live.here)
  const answers = new Map<BytePath, LeaseAnswer>()
  const { dev } = fstatSync(live.descriptor)

  let batch: Opened[] = []
  const askBatch = async (): Promise<void> => {
    const asked = batch
    batch = []

    try {
      const found = await askForLeases(asked, signal)
      for (const [index, { path }] of asked.entries()) {
        answers.set(path, found?.[index] ?? 'unknown')
      }
    } finally {
      for (const { descriptor } of asked) closeSync(descriptor)
    }
  }

  try {
    for await (const path of yielding(paths, signal)) {
      const opened = openRegular(reader, path, dev)
      if (opened === undefined) continue
      batch.push(opened)
      if (batch.length === filesAtATime) await askBatch()
    }
    if (batch.length > 0) await askBatch()
  } finally {
    for (const { descriptor } of batch) closeSync(descriptor)
  }

  return answers
}

interface Opened {
  path: BytePath
  descriptor: number
  uid: number
}

/** Undefined for what is no regular file of this filesystem. */
function openRegular(reader: TreeReader, path: BytePath, dev: number): Opened | undefined {
  const descriptor = reader.at(path, (trusted) =>
    openSync(systemPath(trusted), O_PATH | O_NOFOLLOW),
  )
  if (descriptor === undefined) return undefined

  const stat = fstatSync(descriptor)
  if (stat.isFile() && stat.dev === dev) return { path, descriptor, uid: stat.uid }

  closeSync(descriptor)
  return undefined
}

function pathsOf(answers: ReadonlyMap<BytePath, LeaseAnswer>, wanted: LeaseAnswer): BytePath[] {
  return [...answers].flatMap(([path, answer]) => (answer === wanted ? [path] : []))
}
