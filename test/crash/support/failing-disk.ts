import { existsSync, lstatSync } from 'node:fs'
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { type FilesystemType, makeOptions, unmount } from '../../support/loop-filesystem.ts'
import { shellIn } from '../../support/shell.ts'

/** A filesystem that fails, and is mounted again from the same device in the same boot. */
export interface FailingDisk {
  path: string
  /** Stops all writes at once: what is not on the disk is lost, also the log. */
  fail(): Promise<void>
  /** Unmounts, writes to the device what `meanwhile` does, and mounts again. */
  mountAgain(meanwhile?: (device: string) => Promise<void>): Promise<void>
  remove(): Promise<void>
}

const longestWaitMs = 30_000

export async function attachDisk(
  type: FilesystemType,
  mountOptions: readonly string[] = [],
): Promise<FailingDisk> {
  const directory = await mkdtemp(join(tmpdir(), `disk-${type}-`))
  const [image, path] = [join(directory, 'image'), join(directory, 'mnt')]
  await mkdir(path)
  await writeFile(image, '')
  await truncate(image, 320 * 1024 * 1024)
  await execa(`mkfs.${type}`, [...makeOptions(type), image])
  const { stdout: device } = await execa('losetup', ['--find', '--show', image])
  const detach = async () => {
    await execa('losetup', ['--detach', device])
    await rm(directory, { recursive: true, force: true })
  }
  const mount = async () => {
    const options = mountOptions.length === 0 ? [] : ['-o', mountOptions.join(',')]
    await execa('mount', ['-t', type, ...options, device, path])
  }
  let sysfs = ''
  let dev = 0
  try {
    await mount()
    // of one that failed, nothing can be asked any more
    dev = lstatSync(path).dev
    sysfs = await sysfsOf(type, path, device)
  } catch (error) {
    await detach()
    throw error
  }
  return {
    path,
    async fail() {
      await execa('xfs_io', ['-x', '-c', 'shutdown', path])
    },
    async mountAgain(meanwhile) {
      await unmount(path)
      await waitUntilGone(sysfs)
      await meanwhile?.(device)
      await mount()
      // btrfs numbers its devices anew
      if (type !== 'btrfs' && lstatSync(path).dev !== dev) throw new Error('another device')
    },
    async remove() {
      await unmount(path)
      await detach()
    },
  }
}

async function sysfsOf(type: FilesystemType, path: string, device: string): Promise<string> {
  if (type !== 'btrfs') return device.replace('/dev', `/sys/fs/${type}`)
  const { stdout: uuid } = await execa('findmnt', ['-n', '-o', 'UUID', path])
  return `/sys/fs/btrfs/${uuid}`
}

/**
 * A container that is just being started holds a copy of every mount, and mount(8) would take the
 * dead filesystem again as long as there is one.
 */
async function waitUntilGone(sysfs: string): Promise<void> {
  const deadline = performance.now() + longestWaitMs
  while (existsSync(sysfs)) {
    if (performance.now() > deadline) throw new Error(`${sysfs}: the filesystem is still mounted`)
    await sleep(10)
  }
}

/**
 * Writes `content` over each `placeholder` of the same length on the device, of which no time
 * tells.
 */
export async function exchangeOnDevice(
  device: string,
  placeholder: string,
  content: string,
): Promise<void> {
  const found = await shellIn('/', `sync -f; grep -obUaF '${placeholder}' ${device}`)
  const file = await open(device, 'r+')
  try {
    for (const line of found.trim().split('\n'))
      await file.write(content, Number.parseInt(line, 10))
    await file.sync()
  } finally {
    await file.close()
  }
}
