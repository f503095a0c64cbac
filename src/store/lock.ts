import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { BusyError, OperationError, errorCode, isNotFound, messageOf } from '../errors.ts'
import { spawn } from '../system/spawn.ts'
import { readDocument } from './durable.ts'

const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW } = constants
const contendedExitCode = 75

/**
 * A held lock. It belongs to the open file, so it ends with the last process that has it open: a
 * program that was started with `descriptor` keeps it even when this process is killed.
 */
export interface Lock {
  readonly descriptor: number
  release(): void
}

export interface LockRequest {
  /** How long to wait for another holder; 0 to give up at once. */
  timeoutMs: number
  /** What the holder is doing, told to those who wait. */
  purpose: string
  signal?: AbortSignal | undefined
  /** Called once when the lock is held by someone else and waiting begins. */
  onWait?: (holder: string) => void
}

/**
 * Takes the lock of `file` with flock(2), by flock(1); it works across containers that share the
 * store. Throws BusyError that says who holds it, when it is still held after the timeout.
 */
export async function acquireLock(file: string, request: LockRequest): Promise<Lock> {
  const descriptor = openLockFile(file)
  try {
    // who only looks whether it is held has it for a moment
    const isFree =
      (await flock(descriptor, ['-n'], request.signal)) ||
      (await flock(descriptor, ['-w', '0.1'], request.signal))
    if (!isFree) {
      const holder = describeHolder(file)
      if (request.timeoutMs > 0) request.onWait?.(holder)
      const seconds = String(request.timeoutMs / 1000)
      if (request.timeoutMs === 0 || !(await flock(descriptor, ['-w', seconds], request.signal))) {
        throw new BusyError(`the store is busy: ${describeHolder(file)};`, {
          fix: 'try again when it is done, or wait longer with SNAP_LOCK_TIMEOUT',
        })
      }
    }
  } catch (error) {
    closeSync(descriptor)
    throw error
  }

  nameHolder(descriptor, request.purpose)
  return { descriptor, release: () => release(descriptor) }
}

/**
 * Takes its name away, or the next one would be told of a holder that is done while it waits for
 * another.
 */
function release(descriptor: number): void {
  try {
    ftruncateSync(descriptor)
  } catch {
    // such as EIO: the lock ends all the same, with a name as a killed holder leaves it
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Who holds the lock, as BusyError would tell it; undefined when nobody does. It has the lock,
 * shared, for a moment: /proc/locks leaves out those in other PID namespaces, and so other
 * containers.
 */
export async function findHolder(file: string): Promise<string | undefined> {
  let descriptor
  try {
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw explainOpening(file, error)
  }

  try {
    // shared, so that those who ask do not meet each other
    return (await flock(descriptor, ['-n', '-s'], undefined)) ? undefined : describeHolder(file)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Takes the lock of something that is open, where nobody has it and there are such locks; true then.
 * It ends as that of `acquireLock` does.
 */
export async function lockIfFree(descriptor: number): Promise<boolean> {
  const { exitCode } = await spawn('flock', ['-n', '3'], { descriptor3: descriptor })
  return exitCode === 0
}

function openLockFile(file: string): number {
  try {
    return openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
  } catch (error) {
    throw explainOpening(file, error)
  }
}

function explainOpening(file: string, cause: unknown): OperationError {
  switch (errorCode(cause)) {
    case 'EROFS':
      return new OperationError(`the store is mounted read-only (${file})`, {
        cause,
        fix: 'mount it read-write to change it',
      })
    case 'ENOSPC':
    case 'EDQUOT':
      return new OperationError(`the store is full (${file})`, {
        cause,
        fix: 'free some space, or remove snapshots with "snap-volume prune"',
      })
    default:
      return new OperationError(`the store cannot be locked: ${messageOf(cause)}`, { cause })
  }
}

async function flock(
  descriptor: number,
  how: readonly string[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { exitCode, stderr } = await spawn(
    'flock',
    [...how, '-E', String(contendedExitCode), '3'],
    {
      descriptor3: descriptor,
      signal,
    },
  )
  if (exitCode !== 0 && exitCode !== contendedExitCode) {
    throw new OperationError(`the store cannot be locked here: ${stderr.trim()}`)
  }

  return exitCode === 0
}

/**
 * For the messages of others; the lock holds without it, so a full disk does not matter here, nor
 * one that fails.
 */
function nameHolder(descriptor: number, purpose: string): void {
  try {
    const holder = { purpose, host: hostname(), pid: process.pid, since: new Date().toISOString() }
    ftruncateSync(descriptor)
    writeSync(descriptor, JSON.stringify(holder), 0)
  } catch {
    // the others are told of "another process"
  }
}

function describeHolder(file: string): string {
  try {
    const { purpose, host, pid, since } = JSON.parse(readDocument(file)) as Record<string, unknown>
    return `"${String(purpose)}" runs since ${String(since)} in ${String(host)} (pid ${String(pid)})`
  } catch {
    return 'another process is writing'
  }
}
