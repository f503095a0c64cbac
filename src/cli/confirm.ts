import { InterruptedError, errorCode } from '../errors.ts'
import type { CommandInput } from './command.ts'

const secondsToAnswer = 10

export function isInteractive({ terminal }: CommandInput): boolean {
  return terminal.stdin.isTTY && terminal.stdout.isTTY
}

/**
 * Shows the plan and gives time to stop `what`. `docker run -t` without `-i` has a terminal on which nobody can
 * answer, so no answer means to go on.
 * Throws InterruptedError with `refusal` when the answer is no.
 */
export async function confirm(
  { terminal, signal }: CommandInput,
  { plan, what, refusal }: { plan: string; what: string; refusal: string },
): Promise<void> {
  const { createInterface } = await import('node:readline/promises')
  terminal.stdout.write(plan)
  const reader = createInterface({
    input: terminal.stdin,
    output: terminal.stdout,
    // what is typed is echoed where it is typed
    terminal: false,
  })
  const timeIsUp = AbortSignal.timeout(secondsToAnswer * 1000)
  try {
    const answer = await reader.question(
      `${what} begins in ${secondsToAnswer} s: y begins now, n leaves everything as it is [y/n] `,
      { signal: AbortSignal.any([signal, timeIsUp, ...(terminal.gone ? [terminal.gone] : [])]) },
    )
    if (/^y(es)?$/i.test(answer.trim())) return
  } catch (error) {
    if (errorCode(error) !== 'ABORT_ERR') throw error
    if (timeIsUp.aborted && !signal.aborted && terminal.gone?.aborted !== true) {
      terminal.stdout.write('\n')
      return
    }
  } finally {
    reader.close()
  }
  throw new InterruptedError(refusal)
}
