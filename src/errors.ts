/** Exit codes of the program (spec: "Exit codes"). */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  warnings: 3,
  busy: 75,
  interrupted: 130,
} as const

/** What went wrong, where, and what to do next, in one line. Never shown with a stack. */
export class OperationError extends Error {
  override name = 'OperationError'
  readonly exitCode: number = exitCodes.failed
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
}

/** A signal asked the program to stop before it was done. */
export class InterruptedError extends OperationError {
  override name = 'InterruptedError'
  override readonly exitCode = exitCodes.interrupted
}

/** The `code` of a Node system error, such as ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}

export function isNotFound(error: unknown): boolean {
  return errorCode(error) === 'ENOENT'
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Ends the work when the process was asked to stop. */
export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted: nothing half done is visible')
}
