import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { mountLoopFilesystem } from './loop-filesystem.ts'

/** A disk on which every write waits, uninterruptibly, for as long as a test wants: fsfreeze(8). */
export interface HangingDisk {
  path: string
  hang(): Promise<void>
  /** Does nothing where it does not hang. */
  goOn(): Promise<void>
  /** Hangs for a second, with half of one between, until `goOn`. */
  hangAgainAndAgain(): void
  remove(): Promise<void>
}

export async function mountHangingDisk(): Promise<HangingDisk> {
  const filesystem = await mountLoopFilesystem('ext4')
  const { path } = filesystem
  let over = new AbortController()
  let hanging: Promise<void> | undefined
  const hang = async (): Promise<void> => {
    await execa('fsfreeze', ['-f', path])
  }
  const thaw = async (): Promise<void> => {
    await execa('fsfreeze', ['-u', path], { reject: false })
  }
  const hangUntil = async ({ signal }: AbortController): Promise<void> => {
    while (!signal.aborted) {
      await hang()
      await sleep(1000)
      await thaw()
      await sleep(500)
    }
  }
  const goOn = async (): Promise<void> => {
    over.abort()
    await hanging
    await thaw()
  }
  return {
    path,
    hang,
    goOn,
    hangAgainAndAgain() {
      over = new AbortController()
      hanging = hangUntil(over)
    },
    async remove() {
      await goOn()
      await filesystem.remove()
    },
  }
}

/**
 * A command for a container that writes to `/slow` all the time, and tells the number of each
 * write.
 */
export const writeToSlowDisk = [
  'node',
  '-e',
  `
  const { fsyncSync, openSync, writeSync } = require('node:fs')
  const file = openSync('/slow/file', 'w')
  let count = 0
  setInterval(() => {
    writeSync(file, 'x'.repeat(8000), 0)
    fsyncSync(file)
    console.log('written', (count += 1))
  }, 50)`,
]
