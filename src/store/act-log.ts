import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import * as v from 'valibot'
import { BusyError, isNotFound } from '../errors.ts'
import { fsyncDirectory } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { acquireLock } from './lock.ts'
import { parseDocument, timestamp } from './record.ts'

const { O_RDONLY, O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants

/**
 * A file that has grown to this gives its place to a new one, and the one before it goes: some
 * 1,000 to 2,000 acts stay.
 */
const fullBytes = 256 * 1024
/** So much is read of one that somebody else made larger. */
const mostReadBytes = 1024 * 1024

const names = v.array(v.string())

const actSchema = v.object({
  /** The command that did it, such as `snapshot`; `flatten` is `clone flatten`. */
  act: v.string(),
  startedAt: timestamp,
  finishedAt: timestamp,
  /** `begun` is followed by another one, unless whoever did it was killed. */
  outcome: v.picklist(['begun', 'done', 'flagged', 'failed', 'interrupted']),
  /**
   * Who did it: the daemon by itself, a client that it served, or a command; and in which container
   * or on which host.
   */
  by: v.object({
    what: v.picklist(['daemon', 'client', 'command']),
    host: v.string(),
    pid: v.number(),
  }),
  volumes: v.optional(names),
  /** What was taken or restored. */
  snapshot: v.optional(v.string()),
  kind: v.optional(v.string()),
  /** What a restore replaced. */
  safety: v.optional(v.string()),
  /** The first of those that were removed, and how many were. */
  removed: v.optional(names),
  removedCount: v.optional(v.number()),
  renamed: v.optional(v.array(v.object({ from: v.string(), to: v.string() }))),
  /** The codes of its warnings. */
  warnings: v.optional(names),
  error: v.optional(v.string()),
})

/** Something that was done to the store, or failed. */
export type Act = v.InferOutput<typeof actSchema>

/**
 * Notes an act, on the disk when it returns. One write appends the line, so that those of several
 * processes do not mix; a line that a crash cut off is ended by the next one and read by nobody.
 * Throws the error of the system.
 */
export async function appendAct(store: StoreLayout, act: Act): Promise<void> {
  const descriptor = openSync(
    store.acts,
    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK,
    0o600,
  )

  let size
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error(`${store.acts} is not a regular file: move it away`)
    size = stat.size
    const line = Buffer.from(`${endsLine(descriptor, size) ? '' : '\n'}${JSON.stringify(act)}\n`)
    if (writeSync(descriptor, line) < line.length) throw new Error('no space is left for it')
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }

  if (size === 0) fsyncDirectory(store.own)
  if (size > fullBytes) await beginAnew(store)
}

function endsLine(descriptor: number, size: number): boolean {
  if (size === 0) return true
  const last = Buffer.alloc(1)
  readSync(descriptor, last, 0, 1, size - 1)
  return last.toString() === '\n'
}

/** Whoever has it open still appends to the older one. */
async function beginAnew(store: StoreLayout): Promise<void> {
  try {
    const lock = await acquireLock(store.actsLock, { timeoutMs: 0, purpose: 'a new log' })
    try {
      if (statSync(store.acts).size <= fullBytes) return
      renameSync(store.acts, store.olderActs)
      fsyncDirectory(store.own)
    } finally {
      lock.release()
    }
  } catch (error) {
    // then another one does
    if (!(error instanceof BusyError)) throw error
  }
}

/** All that are noted, oldest first. */
export function readActs(store: StoreLayout): Act[] {
  return [store.olderActs, store.acts].flatMap((file) => parseActs(readPart(file, 0).text))
}

/** The newest that `isWanted`. */
export function findLastAct(store: StoreLayout, isWanted: (act: Act) => boolean): Act | undefined {
  for (const file of [store.acts, store.olderActs]) {
    for (const line of readPart(file, 0).text.split('\n').toReversed()) {
      const act = parseAct(line)
      if (act !== undefined && isWanted(act)) return act
    }
  }
  return undefined
}

/** A place in the log. */
export interface ActPosition {
  inode: number
  offset: number
}

/** Where the log ends now. */
export function endOfActs({ acts }: StoreLayout): ActPosition {
  const { ino = 0, size = 0 } = statSync(acts, { throwIfNoEntry: false }) ?? {}
  return { inode: ino, offset: size }
}

/** The acts that were noted since `position`, and where the next ones will be. */
export function readActsSince(
  store: StoreLayout,
  { inode, offset }: ActPosition,
): { acts: Act[]; position: ActPosition } {
  const isSame = endOfActs(store).inode === inode
  const older = isSame ? [] : parseActs(readPart(store.olderActs, offset, inode).text)
  const part = readPart(store.acts, isSame ? offset : 0)

  return {
    acts: [...older, ...parseActs(part.text)],
    position: { inode: part.inode, offset: part.end },
  }
}

interface Part {
  inode: number
  text: string
  /** Behind the last whole line. */
  end: number
}

/**
 * The whole lines from `offset` on; nothing where the file is missing, or another one than `inode`
 * says.
 */
function readPart(file: string, offset: number, inode?: number): Part {
  let descriptor
  try {
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (isNotFound(error)) return { inode: 0, text: '', end: 0 }
    throw error
  }

  try {
    const stat = fstatSync(descriptor)
    const isWanted = stat.isFile() && (inode === undefined || stat.ino === inode)
    if (!isWanted || stat.size < offset) return { inode: stat.ino, text: '', end: stat.size }

    const begin = Math.max(offset, stat.size - mostReadBytes)
    const buffer = Buffer.alloc(stat.size - begin)
    const length = readSync(descriptor, buffer, 0, buffer.length, begin)
    const whole = buffer.subarray(0, length).lastIndexOf('\n') + 1
    return { inode: stat.ino, text: buffer.toString('utf8', 0, whole), end: begin + whole }
  } finally {
    closeSync(descriptor)
  }
}

function parseActs(text: string): Act[] {
  return text.split('\n').flatMap((line) => parseAct(line) ?? [])
}

/** Undefined for what is none, such as a line that was cut off, or one of a later version. */
function parseAct(line: string): Act | undefined {
  try {
    return line === '' ? undefined : parseDocument(actSchema, line)
  } catch {
    return undefined
  }
}
