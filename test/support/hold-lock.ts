import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface HeldLock {
  release(): Promise<void>
}

/**
 * Holds a lock of a store without a name in it, as a container that writes for long while the disk
 * is full would.
 */
export async function holdLock(storeDirectory: string, name = 'lock'): Promise<HeldLock> {
  const file = join(storeDirectory, '.snap-volume', name)
  const child = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  return {
    async release() {
      child.stdin.end()
      await ended
    },
  }
}
