import { setTimeout as sleep } from 'node:timers/promises'
import { shellIn } from '../../support/shell.ts'

/** Waits until no ctime in the tree is so young that a scan would not rely on it. */
export async function untilAllIsOld(root: string): Promise<void> {
  const ctimes = await shellIn(root, String.raw`find . -printf '%C@\n'`)
  const youngestMs = Math.max(...ctimes.split('\n').map(Number)) * 1000
  while (Date.now() < youngestMs + 150) await sleep(10)
}
