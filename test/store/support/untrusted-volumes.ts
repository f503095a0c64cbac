import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Context } from 'mocha'
import { execa } from 'execa'
import { type FuseType, fuseOrSkip } from '../../support/fuse-filesystem.ts'
import { mountTmpfs } from '../../support/mounts.ts'
import { requireProgram } from '../../support/programs.ts'
import { shellIn } from '../../support/shell.ts'
import { skipBecause } from '../../support/skip.ts'
import type { TestStore } from '../../support/test-store.ts'

/** The file that is exchanged. */
export const exchanged = 'deep/file'
const time = '2020-01-01T00:00:00Z'

/**
 * Where a file can get another content of the same length and keep inode and times, as far as that
 * can be there.
 */
export interface UntrustedVolume {
  /** Where the data go; elsewhere a filesystem is mounted on them. */
  dataOn?: string
  /** Gives the file this content. All contents have one length. */
  show(store: TestStore, content: string): Promise<void>
  /** After each test, before its store is removed. */
  close(store: TestStore): Promise<void>
  remove(): Promise<void>
}

export interface UntrustedPlace {
  title: string
  isReadOnly?: boolean
  hasChangeTimes?: boolean
  open: (context: Context) => Promise<UntrustedVolume>
}

const fuseTypes: readonly FuseType[] = ['exfat-fuse', 'sshfs', 'bindfs', 'ntfs-3g']

export const untrustedPlaces: readonly UntrustedPlace[] = [
  ...fuseTypes.map((type) => ({
    title: type,
    open: async (context: Context) => writtenInPlace(await fuseOrSkip(context, type)),
  })),
  { title: 'tmpfs', open: async () => writtenInPlace(await mountTmpfs('size=8m')) },
  {
    title: 'an ext4 image that is exchanged for another',
    hasChangeTimes: true,
    open: async (context) => exchangedImages(context, 'ext4'),
  },
  {
    title: 'a squashfs image that is exchanged for another',
    isReadOnly: true,
    async open(context) {
      await requireProgram(context, 'mksquashfs')
      return exchangedImages(context, 'squashfs')
    },
  },
]

function writtenInPlace(filesystem: { path: string; remove(): Promise<void> }): UntrustedVolume {
  return {
    dataOn: filesystem.path,
    async show({ data }, content) {
      await shellIn(
        data,
        `mkdir -p ${dirname(exchanged)}
         printf %s '${content}' | dd of=${exchanged} conv=notrunc status=none
         touch -d ${time} ${exchanged}`,
      )
    },
    close: () => Promise.resolve(),
    remove: () => filesystem.remove(),
  }
}

/** Of one layout, made of trees with the same times; the data are their mount point. */
async function exchangedImages(
  context: Context,
  type: keyof typeof makeImage,
): Promise<UntrustedVolume> {
  const home = await mkdtemp(join(tmpdir(), 'images-'))
  const mountPoint = join(home, 'mnt')
  await mkdir(mountPoint)
  const remove = async (): Promise<void> => rm(home, { recursive: true, force: true })
  const mount = async (content: string, path: string): Promise<void> => {
    const image = join(home, content)
    await makeImage[type](home, image, content)
    await execa('mount', ['-t', type, '-o', 'loop', image, path])
  }
  try {
    await mount('try', mountPoint)
    await execa('umount', [mountPoint])
  } catch (error) {
    await remove()
    skipBecause(context, `no ${type} image: ${String(error).replaceAll(/\s+/g, ' ')}`)
  }
  return {
    async show(store, content) {
      await unmount(store)
      await mount(content, store.data)
    },
    close: unmount,
    remove,
  }
}

async function unmount({ data }: TestStore): Promise<void> {
  await execa('umount', [data], { reject: false })
}

const placeholder = 'placeholder of the content'

const makeImage = {
  /** The same bytes but for the content: same inodes, same change times, which are long past. */
  async ext4(home: string, image: string, content: string): Promise<void> {
    const master = join(home, 'master')
    await shellIn(
      home,
      `if ! [ -e master ]; then
         mkdir -p tree/deep; printf %s '${placeholder}' > tree/${exchanged}
         mke2fs -q -t ext4 -d tree master 8m
         printf 'set_inode_field %s ctime 20200101000000\\n' / /deep /${exchanged} | debugfs -w -f - master
       fi`,
    )
    const bytes = await readFile(master)
    const at = bytes.indexOf(placeholder)
    if (at === -1) throw new Error('the content is not in the image')
    bytes.write(content.padEnd(placeholder.length), at)
    await writeFile(image, bytes)
  },

  /** It has no change times: those of the contents stand for them. */
  async squashfs(home: string, image: string, content: string): Promise<void> {
    await shellIn(
      home,
      `mkdir -p tree/deep; printf %s '${content.padEnd(placeholder.length)}' > tree/${exchanged}
       find tree -exec touch -d ${time} {} +
       mksquashfs tree '${image}' -noappend -quiet -no-progress`,
    )
  },
}
