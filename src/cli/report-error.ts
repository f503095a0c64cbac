import { OperationError, exitCodes, messageOf } from '../errors.ts'
import { printable } from '../system/printable.ts'
import type { Terminal } from '../system/terminal.ts'

/** Tells why a command failed, on one line, and gives its exit code. */
export function reportError(
  error: unknown,
  { stdout, stderr }: Pick<Terminal, 'stdout' | 'stderr'>,
  { json, debug }: { json: boolean; debug: boolean },
): number {
  const isExpected = error instanceof OperationError
  const exitCode = isExpected ? error.exitCode : exitCodes.failed
  const message = isExpected
    ? error.message
    : `${messageOf(error)}; this was not foreseen, SNAP_LOG_LEVEL=debug shows where it happened`
  stderr.write(`snap-volume: ${printable(message.replaceAll('\n', ' '))}\n`)
  if (!isExpected && debug && error instanceof Error) stderr.write(`${error.stack}\n`)

  const fix = isExpected ? error.fix : undefined
  if (json) stdout.write(`${JSON.stringify({ type: 'error', message, fix, exitCode })}\n`)
  return exitCode
}
