import { mkdir, mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

export interface Mounted {
  path: string
  remount(options: string): Promise<void>
  remove(): Promise<void>
}

/** Mounts a tmpfs, such as one with `size=8m` or `nr_inodes=100`, on a directory of its own. */
export async function mountTmpfs(options: string): Promise<Mounted> {
  const path = await mkdtemp(join(tmpdir(), 'tmpfs-'))
  await execa('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path])
  return {
    ...mounted(path),
    async remove() {
      await execa('umount', [path])
      await rmdir(path)
    },
  }
}

/** Mounts an overlayfs on a directory in `home`, where its layers are too. */
export async function mountOverlay(home: string): Promise<Mounted> {
  const [lower, upper, work, path] = ['lower', 'upper', 'work', 'mnt'].map((name) =>
    join(home, name),
  ) as [string, string, string, string]
  for (const directory of [lower, upper, work, path]) await mkdir(directory)
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
  await execa('mount', ['-t', 'overlay', '-o', options, 'overlay', path])
  return mounted(path)
}

/** Mounts `source` on the directory `target` too, with options such as `ro`. */
export async function bindMount(
  source: string,
  target: string,
  options?: string,
): Promise<Mounted> {
  await execa('mount', ['--bind', source, target])
  const mount = mounted(target)
  if (options !== undefined) await mount.remount(`bind,${options}`)
  return mount
}

function mounted(path: string): Mounted {
  return {
    path,
    async remount(options) {
      await execa('mount', ['-o', `remount,${options}`, path])
    },
    async remove() {
      await execa('umount', [path])
    },
  }
}
