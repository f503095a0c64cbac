import { findCapabilities } from '../../system/security-attributes.ts'
import type { BytePath } from '../../tree/byte-path.ts'
import { listPaths } from '../../tree/path-list.ts'
import { type RsyncTrees, rsyncFiles, unlinkAll } from './copy-listed.ts'

/**
 * Copies anew, and gives, those of the paths that lack the capability they have in the source:
 * rsync gives a file that it copies from a `--link-dest` its owner last, and with another owner
 * the kernel takes the capability away.
 */
export async function recopyCapabilities(
  trees: RsyncTrees,
  paths: Uint8Array,
): Promise<BytePath[]> {
  const { source, staging, signal } = trees
  const there = await findCapabilities(source.cwd, paths, signal)
  const kept = new Set(await findCapabilities(staging.cwd, listPaths(there), signal))
  const lost = there.filter((path) => !kept.has(path))
  unlinkAll(staging.here, lost)
  await rsyncFiles(trees, listPaths(lost))
  return lost
}
