import { setTimeout as sleep } from 'node:timers/promises'
import { shellIn } from './shell.ts'

/**
 * Longer than a ctime is racy, and than one of whole seconds is; and how long a call may write a
 * file of so many bytes.
 */
const oldMs = 1150
const oldSecondsMs = 2150
const slowestBytesEachMs = 20_000

/** Waits until no ctime in the tree is so racy that a scan would not rely on it. */
export async function untilAllIsOld(root: string): Promise<void> {
  const entries = await shellIn(root, String.raw`find . -printf '%C@ %s\n'`)
  const oldAtMs = Math.max(
    ...entries
      .trim()
      .split('\n')
      .map((entry) => {
        const [seconds = 0, bytes = 0] = entry.split(' ').map(Number)
        const racyMs = Number.isInteger(seconds) ? oldSecondsMs : oldMs
        return seconds * 1000 + racyMs + bytes / slowestBytesEachMs
      }),
  )
  while (Date.now() < oldAtMs) await sleep(10)
}
