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
  { terminal, clock, signal }: CommandInput,
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
  const answered = new AbortController()
  const ends = AbortSignal.any([signal, answered.signal])
  try {
    const answer = await Promise.race([
      reader.question(
        `${what} begins in ${secondsToAnswer} s: y begins now, n leaves everything as it is [y/n] `,
        { signal: ends },
      ),
      waitForAnswer({ terminal, clock }, ends),
    ])
    if (answer === silence) terminal.stdout.write('\n')
    if (answer === silence || /^y(es)?$/i.test(answer.trim())) return
  } catch (error) {
    if (errorCode(error) !== 'ABORT_ERR') throw error
  } finally {
    answered.abort()
    reader.close()
  }
  throw new InterruptedError(refusal)
}

const silence = Symbol('somebody was there and said nothing')

/** Silence is a yes; that nobody is there is a no. */
async function waitForAnswer(
  { terminal, clock }: Pick<CommandInput, 'terminal' | 'clock'>,
  signal: AbortSignal,
): Promise<typeof silence | 'n'> {
  const ms = secondsToAnswer * 1000
  if (terminal.timeToAnswer !== undefined) {
    return (await terminal.timeToAnswer(ms, signal)) ? silence : 'n'
  }
  await clock.sleep(ms, signal)
  return silence
}
