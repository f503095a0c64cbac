import { execa } from 'execa'
import type { Context } from 'mocha'
import { loopOrSkip } from './places.ts'
import { shellIn } from './shell.ts'

export interface FullPlace {
  /** For a store, and for data too. */
  path: string
  /** Until nothing more can be written; small files too where `entries`. */
  fill(entries?: boolean): Promise<void>
  remove(): Promise<void>
}

const fillBytes = 'for size in 1M 4K; do dd if=/dev/zero of=filler-$size bs=$size || true; done'
const fillEntries = `perl -e 'for ($i = 0; open(my $file, ">", "empty-$i"); $i += 1) {}'`

const fill =
  (path: string) =>
  async (entries = false): Promise<void> => {
    await shellIn(path, `(${fillBytes}) 2>/dev/null; sync -f .`)
    if (entries) await shellIn(path, `${fillEntries}; sync -f .`)
  }

/** Where what was deleted is not free at once, and names take space of their own. */
export const fullPlaces: readonly {
  title: string
  mount: (context: Context) => Promise<FullPlace>
}[] = [
  { title: 'on XFS', mount: async (context) => fillable(context, 'xfs') },
  { title: 'on btrfs', mount: async (context) => fillable(context, 'btrfs') },
  { title: 'under a quota of btrfs', mount: mountQuota },
]

async function fillable(context: Context, type: 'xfs' | 'btrfs'): Promise<FullPlace> {
  const filesystem = await loopOrSkip(context, type, { sizeMiB: type === 'xfs' ? 320 : 160 })
  const { path } = filesystem
  return { path, fill: fill(path), remove: async () => filesystem.remove() }
}

/** Of a subvolume, as btrfs-quota(8) says. */
async function mountQuota(context: Context): Promise<FullPlace> {
  const filesystem = await loopOrSkip(context, 'btrfs')
  const path = `${filesystem.path}/limited`
  await execa('btrfs', ['subvolume', 'create', path])
  await execa('btrfs', ['quota', 'enable', filesystem.path])
  await execa('btrfs', ['quota', 'rescan', '-w', filesystem.path], { reject: false })
  await execa('btrfs', ['qgroup', 'limit', '24M', path])
  return { path, fill: fill(path), remove: async () => filesystem.remove() }
}
