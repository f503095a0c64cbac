import { closeSync, fchmodSync, fchownSync, fstatSync } from 'node:fs'
import { type BytePath, forPrograms, openBelow } from '../../tree/byte-path.ts'
import { type WantedTime, setTimes } from '../../system/set-times.ts'
import type { RestoreRequest } from '../engine.ts'
import { rsyncAttributes } from '../programs/rsync-listed.ts'

/** Two descriptors each are open at a time. */
const atATime = 100

/**
 * Gives live directories the attributes that they have in the snapshot, through open descriptors,
 * so that they are never those of something else that somebody puts into the place of one. True
 * marks those of which lstat(2) does not show all. To be called when nothing is written into them
 * any more.
 */
export async function restoreDirectories(
  request: RestoreRequest,
  directories: ReadonlyMap<BytePath, boolean>,
): Promise<void> {
  const all = [...directories]
  for (let start = 0; start < all.length; start += atATime) {
    await restoreSome(request, all.slice(start, start + atATime))
  }
}

async function restoreSome(
  request: RestoreRequest,
  directories: readonly (readonly [BytePath, boolean])[],
): Promise<void> {
  using opened = new DisposableStack()
  const open = (root: string, path: BytePath): number | undefined => {
    const descriptor = openBelow(root, path)
    return descriptor === undefined ? undefined : opened.adopt(descriptor, closeSync)
  }

  const times: WantedTime[] = []
  for (const [path, isHidden] of directories) {
    const wanted = open(request.source.here, path)
    const live = open(request.target.here, path)
    // one that went is missed by the next comparison
    if (wanted === undefined || live === undefined) continue

    if (isHidden) await rsyncAttributes(request, forPrograms(wanted), forPrograms(live))
    const stat = fstatSync(wanted, { bigint: true })
    const there = fstatSync(live, { bigint: true })
    if (there.uid !== stat.uid || there.gid !== stat.gid) {
      fchownSync(live, Number(stat.uid), Number(stat.gid))
    }

    // after the owner, because another owner may take bits away
    if (fstatSync(live).mode !== Number(stat.mode)) fchmodSync(live, Number(stat.mode & 0o7777n))
    if (there.mtimeNs !== stat.mtimeNs) {
      times.push({ path: forPrograms(live), ns: stat.mtimeNs })
    }
  }

  const { lockDescriptor, signal } = request
  await setTimes(times, { descriptor3: lockDescriptor, signal })
}
