import { mkdir, mkdtemp, rename, rmdir } from 'node:fs/promises'
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

export interface Overlay extends Mounted {
  /** Puts all that is there into a lower layer, from which it is copied up when it changes. */
  lower(): Promise<void>
}

/** Mounts an overlayfs on a directory in `home`, where its layers are too. */
export async function mountOverlay(home: string): Promise<Overlay> {
  const [upper, work, path] = ['upper', 'work', 'mnt'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ]
  const lower = [join(home, 'lower')]
  for (const directory of [...lower, upper, work, path]) await mkdir(directory)
  const mount = async () => {
    const options = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`
    await execa('mount', ['-t', 'overlay', '-o', options, 'overlay', path])
  }
  await mount()
  return {
    ...mounted(path),
    async lower() {
      await execa('umount', [path])
      const layer = join(home, `lower-${lower.length}`)
      await rename(upper, layer)
      await mkdir(upper)
      lower.unshift(layer)
      await mount()
    },
  }
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
