import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readlinkSync, statfsSync } from 'node:fs'
import { basename } from 'node:path'
import { bootId } from './boot.ts'
import { spawn } from './spawn.ts'

/** An open directory, as a path for this process and as one for a program that it starts. */
interface Place {
  here: string
  cwd: string
}

interface ProvingFilesystem {
  name: string
  /**
   * The directory of sysfs that is made when the filesystem is mounted, and goes when it is
   * unmounted.
   */
  sysfs: (place: Place) => Promise<string | undefined> | string | undefined
}

/**
 * By the type of statfs(2), the filesystems whose ctime is a change time that the kernel alone
 * sets, also for stores into mapped files once they are written back;
 * test/store/unseen-changes.test.ts holds that for each. Not among them: tmpfs and overlayfs
 * (stores into mapped files move no time), vfat, exFAT, NTFS, CIFS, NFS, 9p and FUSE (their ctime
 * is made up, or their server's).
 */
const provingFilesystems: ReadonlyMap<number, ProvingFilesystem> = new Map([
  [0xef53, { name: 'ext4', sysfs: ({ here }: Place) => ofBlockDevice('ext4', here) }],
  [0x58465342, { name: 'xfs', sysfs: ({ here }: Place) => ofBlockDevice('xfs', here) }],
  [0x9123683e, { name: 'btrfs', sysfs: ofBtrfs }],
])

/** Whether equal ctimes can prove anything of the files at `path`. */
export function hasChangeTimes(path: string): boolean {
  return provingFilesystems.has(statfsSync(path).type)
}

/**
 * What names the filesystem that a directory is on, and this mount of it, and no other: 64
 * hexadecimal digits. A power cut, or a disk that fails and comes back, takes back ctimes whose
 * contents are there, so nothing from before a mount proves anything. The inode of a directory of
 * sysfs is a new one with each mount (kernfs numbers its nodes in a row). Undefined where it cannot
 * be told, or ctimes prove nothing.
 */
export async function identifyMount(place: Place): Promise<string | undefined> {
  const filesystem = provingFilesystems.get(statfsSync(place.here).type)
  const boot = bootId()
  if (filesystem === undefined || boot === undefined) return undefined

  const directory = await filesystem.sysfs(place)
  const mounted =
    directory === undefined
      ? undefined
      : lstatSync(directory, { bigint: true, throwIfNoEntry: false })
  if (mounted === undefined) return undefined

  // that of a subvolume is its own
  const { dev } = lstatSync(`${place.here}/.`, { bigint: true })
  const facts = [boot, filesystem.name, directory, mounted.ino, dev]
  return createHash('sha256').update(facts.join('\n')).digest('hex')
}

function ofBlockDevice(type: string, here: string): string | undefined {
  const { dev } = lstatSync(`${here}/.`, { bigint: true })
  // makedev(3)
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn)
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn)
  try {
    return `/sys/fs/${type}/${basename(readlinkSync(`/sys/dev/block/${major}:${minor}`))}`
  } catch {
    // a sysfs that is not shown
    return undefined
  }
}

/**
 * The first half of what statfs(2) calls the id is the first and third word of the UUID
 * (btrfs_statfs in the kernel).
 */
async function ofBtrfs({ cwd }: Place): Promise<string | undefined> {
  const { exitCode, stdout } = await spawn('stat', ['-f', '-c', '%i', '--', cwd])
  if (exitCode !== 0) return undefined

  const wanted = Number.parseInt(stdout.trim().padStart(16, '0').slice(0, 8), 16)
  try {
    const [found, ...others] = readdirSync('/sys/fs/btrfs').filter((uuid) => {
      const digits = uuid.replaceAll('-', '')
      if (!/^[0-9a-f]{32}$/.test(digits)) return false
      const word = (at: number): number => Number.parseInt(digits.slice(at, at + 8), 16)
      return (word(0) ^ word(16)) >>> 0 === wanted
    })
    return found === undefined || others.length > 0 ? undefined : `/sys/fs/btrfs/${found}`
  } catch {
    return undefined
  }
}
