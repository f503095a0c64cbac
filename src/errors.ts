/** Exit codes of the program ("Commands" in README.md). */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  warnings: 3,
  busy: 75,
  interrupted: 130,
} as const

/** What failures are counted by. */
export const failureCauses = ['busy', 'source', 'space', 'io', 'hook', 'other'] as const
export type FailureCause = (typeof failureCauses)[number]

interface OperationErrorOptions extends ErrorOptions {
  /** What to do next; without one nobody knows it. */
  fix?: string | undefined
}

/**
 * What went wrong, where, and what to do next: the message has all of it in one line. Never shown
 * with a stack.
 */
export class OperationError extends Error {
  override name = 'OperationError'
  readonly exitCode: number = exitCodes.failed
  readonly failure: FailureCause = 'other'
  /** The message without the fix. */
  readonly problem: string
  readonly fix: string | undefined

  /** The fix follows behind a colon; a `problem` that has one ends with a semicolon instead. */
  constructor(problem: string, { fix, ...options }: OperationErrorOptions = {}) {
    const hasSemicolon = problem.endsWith(';')
    super(fix === undefined ? problem : `${problem}${hasSemicolon ? '' : ':'} ${fix}`, options)
    this.problem = hasSemicolon ? problem.slice(0, -1) : problem
    this.fix = fix
  }
}

/** The caller asked for something that cannot be: wrong words, a wrong setting. */
export class UsageError extends OperationError {
  override name = 'UsageError'
  override readonly exitCode = exitCodes.usage
}

/** Another process holds what this one needs. */
export class BusyError extends OperationError {
  override name = 'BusyError'
  override readonly exitCode = exitCodes.busy
  override readonly failure = 'busy'
}

/** A signal asked the program to stop before it was done. */
export class InterruptedError extends OperationError {
  override name = 'InterruptedError'
  override readonly exitCode = exitCodes.interrupted
}

/** What is to be snapshotted is not there, or not mounted. */
export class SourceError extends OperationError {
  override name = 'SourceError'
  override readonly failure = 'source'
}

/** A hook that must succeed did not. */
export class HookError extends OperationError {
  override name = 'HookError'
  override readonly failure = 'hook'
}

/** A filesystem has no room, or a quota allows no more. */
export class SpaceError extends OperationError {
  override name = 'SpaceError'
  override readonly failure = 'space'
}

/** A program failed; `stderr` is what it said, in the C locale. */
export class ProgramError extends OperationError {
  override name = 'ProgramError'
  override readonly failure: FailureCause
  readonly stderr: string

  constructor(problem: string, stderr: string, options?: OperationErrorOptions) {
    super(problem, options)
    this.failure = causeInWords(stderr)
    this.stderr = stderr
  }
}

/** What Node calls EDQUOT of errno(3), for which it has no name. */
const unnamedQuota = 'Unknown system error -122'

/** The `code` of a Node system error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) {
    return undefined
  }
  return error.code === unnamedQuota ? 'EDQUOT' : error.code
}

/**
 * What an error says of itself, or that which it came from: by its type, or the code of an error of
 * the system.
 */
export function failureCauseOf(error: unknown): FailureCause {
  for (let current = error; current instanceof Error; current = current.cause) {
    const cause =
      current instanceof OperationError ? current.failure : causeOfCode(errorCode(current))
    if (cause !== 'other') return cause
  }
  return 'other'
}

function causeOfCode(code: string | undefined): FailureCause {
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'space'
  return code === 'EIO' || code === 'EROFS' ? 'io' : 'other'
}

/** The same by the words of strerror(3). */
function causeInWords(text: string): FailureCause {
  if (/No space left on device|Disk quota exceeded/.test(text)) return 'space'
  return /Input\/output error|Read-only file system/.test(text) ? 'io' : 'other'
}

export function isNotFound(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}

export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(`${unnamedQuota}: ${unnamedQuota}`, 'EDQUOT: disk quota exceeded')
}

/** Why a signal aborts when the terminal is gone, and with it whoever watched. */
export const hangUp = 'SIGHUP'

/** Ends the work when the process was asked to stop. */
export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted: nothing half done is visible')
}
