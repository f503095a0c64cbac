import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { messageOf } from '../../src/errors.ts'

export type FilesystemType = 'ext4' | 'xfs' | 'btrfs' | 'vfat'

export interface LoopOptions {
  /** Of the sparse file behind it; mkfs.xfs refuses less than 300 MiB, mkfs.btrfs less than 114. */
  sizeMiB?: number
  /** How many inodes there are (ext4 only). */
  inodes?: number
  /** How large an inode is (ext4 only): those of 128 bytes have times of whole seconds. */
  inodeBytes?: number
  /** Of 1 KiB, which is all that the attributes of a file may have beside its inode (ext4 only). */
  smallBlocks?: boolean
  /** Whether times go on after 2038 (XFS only), as they do if not given. */
  bigtime?: boolean
  /** As for `mount -o`, such as `['noatime']`. */
  mountOptions?: string[]
  /**
   * Past the cache of the filesystem below, or all data would be in memory twice; where that one
   * can.
   */
  directIo?: boolean
  /** Where the file behind it is; on a tmpfs a flush waits for nothing. */
  imageIn?: string
}

export interface LoopFilesystem {
  /** Where it is mounted. */
  path: string
  /** Unmounts and mounts again, as after a power cut that `xfs_io -x -c shutdown` played. */
  remount(mountOptions?: string[]): Promise<void>
  /** Unmounts, which frees the loop device too, and deletes the file behind it. */
  remove(): Promise<void>
}

/** Makes a filesystem in a file and mounts it on a directory of its own. */
export async function mountLoopFilesystem(
  type: FilesystemType,
  options: LoopOptions = {},
): Promise<LoopFilesystem> {
  const { sizeMiB = 320, mountOptions = [], directIo = false, imageIn = tmpdir() } = options
  const directory = await mkdtemp(join(imageIn, `loop-${type}-`))
  const image = join(directory, 'image')
  const path = join(directory, 'mnt')

  const mount = async (more: string[]) => {
    await execa('mount', ['-t', type, '-o', ['loop', ...more].join(','), image, path])
    if (!directIo) return
    const { stdout: device } = await execa('findmnt', ['-n', '-o', 'SOURCE', path])
    await execa('losetup', ['--direct-io=on', device], { reject: false })
  }
  const removeFiles = () => rm(directory, { recursive: true, force: true })

  try {
    await mkdir(path)
    await writeFile(image, '')
    await truncate(image, sizeMiB * 1024 * 1024)
    await execa(`mkfs.${type}`, [...makeOptions(type, options), image])
    await mount(mountOptions)
  } catch (error) {
    await removeFiles()
    throw error
  }

  return {
    path,
    async remount(remountOptions = mountOptions) {
      await unmount(path)
      await mount(remountOptions)
    },
    async remove() {
      await unmount(path)
      await removeFiles()
    },
  }
}

/** Unmounts, or tells who holds what there: that is not to be seen any more afterwards. */
export async function unmount(path: string): Promise<void> {
  try {
    await execa('umount', [path])
  } catch (error) {
    const columns = ['-o', 'PID,COMMAND,ASSOC,TYPE,NAME']
    const { stdout } = await execa('lsfd', [...columns, '-Q', `NAME =~ "${path}"`], {
      reject: false,
    })
    throw new Error(`${messageOf(error)}\n${stdout ?? ''}`, { cause: error })
  }
}

/** What `mkfs` of the type is given beside the device. */
export function makeOptions(
  type: FilesystemType,
  { inodes, inodeBytes = 256, smallBlocks = false, bigtime = true }: LoopOptions = {},
): string[] {
  switch (type) {
    case 'ext4':
      // some mke2fs give small filesystems small inodes
      return [
        '-q',
        '-F',
        '-I',
        String(inodeBytes),
        ...(inodes === undefined ? [] : ['-N', String(inodes)]),
        ...(smallBlocks ? ['-b', '1024', '-O', '^ea_inode'] : []),
      ]
    case 'xfs':
      return ['-q', '-m', `reflink=1,bigtime=${bigtime ? 1 : 0}`]
    case 'btrfs':
      return ['-q']
    case 'vfat':
      return []
  }
}

/**
 * Why this machine cannot mount such a filesystem, as one line for `skipBecause`; undefined if it
 * can.
 */
export async function whyNoLoopFilesystem(type: FilesystemType): Promise<string | undefined> {
  try {
    const filesystem = await mountLoopFilesystem(type)
    await filesystem.remove()
    return undefined
  } catch (error) {
    return `no ${type} on a loop device: ${String(error).replaceAll(/\s+/g, ' ')}`
  }
}
