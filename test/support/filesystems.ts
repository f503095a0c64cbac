import type { Context } from 'mocha'
import { type FuseOptions, type FuseType, fuseOrSkip } from './fuse-filesystem.ts'
import type { FilesystemType, LoopOptions } from './loop-filesystem.ts'
import { mountOverlay, mountTmpfs } from './mounts.ts'
import { type MountedPlace, loopOrSkip } from './places.ts'
import { skipBecause } from './skip.ts'

interface MountedFilesystem {
  path: string
  /** Where there are layers, puts all that is there into a lower one. */
  lower?(): Promise<void>
  remove(): Promise<void>
}

/** A filesystem that a test can mount. */
interface Filesystem {
  /** As in `on ext4`. */
  title: string
  /** Mounts it, or skips the tests of `context` where this machine cannot. */
  mount(context: Context): Promise<MountedFilesystem>
  /** It refuses some of what a tree can have: that is left out there. */
  isLimited?: boolean
  /**
   * Of the root directory of an awkward tree: takes out what it keeps, but does not give back as it
   * was.
   */
  withoutUnfit?: string
  /** It has ACLs, and does not list them among the extended attributes. */
  hidesAcls?: boolean
  /** It does not tell where the holes of a file are. */
  hidesHoles?: boolean
  /** It does not even tell that a file has any. */
  looksDense?: boolean
  /** It sets the attributes of a link on what that leads to: no link is restored there. */
  followsLinks?: boolean
  /** Times of files are cut off or rounded there. */
  hasCoarseTimes?: boolean
  /** It cannot have all owners: one that it can have. */
  hiddenOwner?: string
  /** Where a ctime proves that a file is unchanged. */
  hasChangeTimes?: boolean
}

function onLoop(title: string, type: FilesystemType, options?: LoopOptions): Filesystem {
  return {
    title,
    mount: async (context) => loopOrSkip(context, type, options),
    hasChangeTimes: true,
  }
}

function onFuse(title: string, type: FuseType, options?: FuseOptions): Filesystem {
  return {
    title,
    mount: async (context) => fuseOrSkip(context, type, options),
    hidesHoles: true,
  }
}

const ext4 = onLoop('ext4', 'ext4')
const ext4OfSeconds: Filesystem = {
  ...onLoop('ext4 with inodes of 128 bytes', 'ext4', { inodeBytes: 128 }),
  hasCoarseTimes: true,
}
const xfsUntil2038: Filesystem = {
  ...onLoop('XFS without bigtime', 'xfs', { bigtime: false }),
  hasCoarseTimes: true,
}
const tmpfs: Filesystem = {
  title: 'tmpfs',
  mount: async () => mountTmpfs('size=256m'),
}
const overlayfs: Filesystem = {
  title: 'overlayfs',
  // what it copies up has fewer of them
  hidesHoles: true,
  async mount(context) {
    const below = await loopOrSkip(context, 'ext4')
    try {
      const mounted = await mountOverlay(below.path)
      return {
        path: mounted.path,
        lower: () => mounted.lower(),
        async remove() {
          await mounted.remove()
          await below.remove()
        },
      }
    } catch (error) {
      await below.remove()
      return skipBecause(context, `no overlayfs: ${String(error).replaceAll(/\s+/g, ' ')}`)
    }
  },
}
/** It takes no owners of more than 31 bits. */
const bindfs: Filesystem = {
  // it remembers the attributes of each name apart, also of two names of one file
  ...onFuse('bindfs', 'bindfs', { mountOptions: ['attr_timeout=0', 'entry_timeout=0'] }),
  isLimited: true,
  // it gives an I/O error for each file whose owner is above 2^31
  hiddenOwner: '2000000000:2000000001',
}
const ntfs: Filesystem = {
  ...onFuse('ntfs-3g', 'ntfs-3g', { mountOptions: ['permissions', 'acl'], sizeMiB: 256 }),
  isLimited: true,
  hidesAcls: true,
  hasCoarseTimes: true,
}
const exfat: Filesystem = {
  ...onFuse('exfat-fuse', 'exfat-fuse', { sizeMiB: 256 }),
  isLimited: true,
  looksDense: true,
  // a time after 2107 becomes another one when the file is forgotten
  withoutUnfit: 'touch -d 2100-02-28T01:02:03Z times/far-ahead',
  hasCoarseTimes: true,
}
const sshfs: Filesystem = {
  ...onFuse('sshfs', 'sshfs'),
  isLimited: true,
  looksDense: true,
  followsLinks: true,
  // nobody can read a link that leads out of what it shows
  withoutUnfit: `find . -type l -exec sh -c 'readlink "$1" >/dev/null 2>&1 || rm "$1"' sh {} \\;`,
  hasCoarseTimes: true,
}

/** Where a store and its data can be, besides the places of places.ts. */
export interface FurtherPlace {
  title: string
  store: Filesystem
  data: Filesystem
}

/** Data on each filesystem; and both on each that `start` accepts for a store. */
export const furtherPlaces: readonly FurtherPlace[] = [
  ...[ext4OfSeconds, xfsUntil2038, tmpfs, overlayfs, bindfs, ntfs, exfat, sshfs].map((data) => ({
    title: `from ${data.title} to ext4`,
    store: ext4,
    data,
  })),
  ...[ext4OfSeconds, xfsUntil2038, tmpfs].map((store) => ({
    title: `from ext4 to ${store.title}`,
    store,
    data: ext4,
  })),
  ...[ext4OfSeconds, xfsUntil2038, tmpfs, overlayfs, bindfs, ntfs].map((filesystem) => ({
    title: `on ${filesystem.title}`,
    store: filesystem,
    data: filesystem,
  })),
]

export interface MountedFurtherPlace extends MountedPlace {
  /** Where the data have layers, puts all that is there into a lower one. */
  lower(): Promise<void>
}

/** Mounts what a place needs, or skips the tests of `context` where this machine cannot. */
export async function mountFurtherPlace(
  context: Context,
  { store, data }: FurtherPlace,
): Promise<MountedFurtherPlace> {
  const forStore = await store.mount(context)
  if (store === data) {
    return {
      on: forStore.path,
      dataOn: forStore.path,
      lower: async () => forStore.lower?.(),
      remove: () => forStore.remove(),
    }
  }
  try {
    const forData = await data.mount(context)
    return {
      on: forStore.path,
      dataOn: forData.path,
      lower: async () => forData.lower?.(),
      async remove() {
        await forStore.remove()
        await forData.remove()
      },
    }
  } catch (error) {
    await forStore.remove()
    throw error
  }
}
