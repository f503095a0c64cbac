import { InterruptedError, errorCode } from '../errors.ts'
import { isMereConsent, readKeys } from '../system/keys.ts'
import type { CommandInput } from './command.ts'

const secondsToAnswer = 10

export function isInteractive({ terminal }: CommandInput): boolean {
  return terminal.stdin.isTTY && terminal.stdout.isTTY
}

/**
 * Shows the plan and gives time to stop `what`: one key decides, without Enter. What was typed
 * before can stop it and not begin it. `docker run -t` without `-i` has a terminal on which nobody
 * can type, so no answer means to go on. Throws InterruptedError with `refusal` when the answer is
 * no.
 */
export async function confirm(
  { terminal, clock, signal, environment }: CommandInput,
  { plan, what, refusal }: { plan: string; what: string; refusal: string },
): Promise<void> {
  const { readSettings } = await import('../config/settings.ts')
  const { stdin, stdout } = terminal
  const answered = new AbortController()
  const ends = AbortSignal.any([signal, answered.signal])

  using keys = await readKeys(stdin)
  const note = readSettings(environment).inImage ? `${nobodyTypes}\n` : ''
  stdout.write(
    `${plan}${note}${what} begins in ${secondsToAnswer} s: y begins now, any other key leaves everything as it is [y/n] `,
  )

  try {
    const answer = isMereConsent(keys.ahead)
      ? await Promise.race([keys.next(), waitForAnswer({ terminal, clock }, ends)])
      : 'n'
    const isYes = answer === silence || /^y/i.test(answer)
    stdout.write(answer === silence ? '\n' : isYes ? 'y\n' : 'n\n')
    if (isYes) return
  } catch (error) {
    if (errorCode(error) !== 'ABORT_ERR') throw error
    stdout.write('\n')
  } finally {
    answered.abort()
  }

  throw new InterruptedError(refusal)
}

const nobodyTypes =
  'Nobody can type here if docker was given -t without -i; it then begins by itself. Run it with -it.'

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
