import type { Context } from 'mocha'
import { chmod, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { unmount } from './loop-filesystem.ts'
import { skipBecause } from './skip.ts'

export type FuseType = 'exfat-fuse' | 'ntfs-3g' | 'bindfs' | 'sshfs'

export interface FuseOptions {
  /** As for `-o` of the program, such as `['permissions', 'acl']` or `['chown-ignore']`. */
  mountOptions?: string[]
  /** Of the sparse file behind exfat-fuse and ntfs-3g. */
  sizeMiB?: number
  /** The directory that bindfs and sshfs show; one of its own if not given. */
  shows?: string
}

export interface FuseFilesystem {
  /** Where it is mounted. */
  path: string
  /** Unmounts, which ends the process behind it, and deletes what was made for it. */
  remove(): Promise<void>
}

/** Mounts such a filesystem on a directory of its own. */
export async function mountFuseFilesystem(
  type: FuseType,
  options: FuseOptions = {},
): Promise<FuseFilesystem> {
  const directory = await mkdtemp(join(tmpdir(), `fuse-${type}-`))
  const path = join(directory, 'mnt')
  const removeFiles = () => rm(directory, { recursive: true, force: true })
  try {
    await mkdir(path)
    const release = await mounters[type](directory, path, options)
    return {
      path,
      async remove() {
        await unmount(path)
        await release?.()
        await removeFiles()
      },
    }
  } catch (error) {
    await removeFiles()
    throw error
  }
}

/** Mounts on `path` what it keeps in `directory`; gives what is to be done after the unmount. */
type Mounter = (
  directory: string,
  path: string,
  options: FuseOptions,
) => Promise<(() => Promise<void>) | undefined>

const mounters: Record<FuseType, Mounter> = {
  async 'exfat-fuse'(directory, path, options) {
    const image = await makeImage(directory, options)
    await execa('mkfs.exfat', [image])
    // it takes no file, only a device
    const { stdout: device } = await execa('losetup', ['--find', '--show', image])
    const release = async () => void (await execa('losetup', ['--detach', device]))
    try {
      await execa('mount.exfat-fuse', [...dashO(options), device, path])
    } catch (error) {
      await release()
      throw error
    }
    return release
  },

  async 'ntfs-3g'(directory, path, options) {
    const image = await makeImage(directory, options)
    await execa('mkntfs', ['-F', '-Q', '-q', image])
    await execa('ntfs-3g', [...dashO(options), image, path])
    return undefined
  },

  async bindfs(directory, path, options) {
    await execa('bindfs', [...dashO(options), await makeShown(directory, options), path])
    return undefined
  },

  /** Without ssh: it talks to a server of its own, over pipes. */
  async sshfs(directory, path, { mountOptions = [], ...options }) {
    const server = join(directory, 'server')
    await writeFile(server, `#!/bin/sh\nexec ${sftpServer}\n`)
    await chmod(server, 0o755)
    const shown = await makeShown(directory, options)
    const all = [`ssh_command=${server}`, ...mountOptions]
    await execa('sshfs', [...dashO({ mountOptions: all }), `:${shown}`, path])
    return undefined
  },
}

/** Of Debian's openssh-sftp-server. */
const sftpServer = '/usr/lib/openssh/sftp-server'

async function makeImage(directory: string, { sizeMiB = 64 }: FuseOptions): Promise<string> {
  const image = join(directory, 'image')
  await writeFile(image, '')
  await truncate(image, sizeMiB * 1024 * 1024)
  return image
}

async function makeShown(directory: string, { shows }: FuseOptions): Promise<string> {
  if (shows !== undefined) return shows
  const shown = join(directory, 'shown')
  await mkdir(shown)
  return shown
}

function dashO({ mountOptions = [] }: FuseOptions): string[] {
  return mountOptions.length === 0 ? [] : ['-o', mountOptions.join(',')]
}

/** Mounts one for the tests of `context`, or skips them where this machine cannot. */
export async function fuseOrSkip(
  context: Context,
  type: FuseType,
  options?: FuseOptions,
): Promise<FuseFilesystem> {
  const answer = answers.get(type) ?? whyNoFuseFilesystem(type)
  answers.set(type, answer)
  const reason = await answer
  if (reason !== undefined) skipBecause(context, reason)
  return mountFuseFilesystem(type, options)
}

const answers = new Map<FuseType, Promise<string | undefined>>()

/**
 * Why this machine cannot mount such a filesystem, as one line for `skipBecause`; undefined if it
 * can.
 */
export async function whyNoFuseFilesystem(type: FuseType): Promise<string | undefined> {
  try {
    const filesystem = await mountFuseFilesystem(type)
    await filesystem.remove()
    return undefined
  } catch (error) {
    return `no ${type}: ${String(error).replaceAll(/\s+/g, ' ')}`
  }
}
