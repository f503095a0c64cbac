import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'

const longestWaitMs = 30_000

/**
 * Unmounts a shut down loop filesystem and mounts it again, once it is really gone: a container
 * that is just being started holds a copy of every mount, and mount(8) would take the dead one
 * again.
 */
export async function remountFresh(mountPoint: string): Promise<void> {
  const { stdout: device } = await execa('findmnt', ['-n', '-o', 'SOURCE', mountPoint])
  const { stdout: file } = await execa('losetup', ['-n', '-O', 'BACK-FILE', device.trim()])
  await execa('umount', [mountPoint])
  const deadline = performance.now() + longestWaitMs
  while ((await execa('losetup', ['-j', file.trim()])).stdout !== '') {
    if (performance.now() > deadline) throw new Error(`${device} is still held by somebody`)
    await sleep(10)
  }
  await execa('mount', ['-o', 'loop', file.trim(), mountPoint])
}
