import { bytePath } from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { statBelow } from '../../tree/file-below.ts'
import type { ActionContext } from '../context.ts'
import { findOpenFiles } from './find-open-files.ts'
import type { RestoreTarget } from './targets.ts'

/** Said where this rule decided. */
export const nobodyIsStopped = 'nobody is stopped, because nobody has these files open'

/**
 * Whether what is restored needs nobody to be stopped: single files, or what is not there now, and
 * nobody has one of them open. A directory may be one that a server works in.
 */
export async function canLeaveRunning(
  { clock, signal }: Pick<ActionContext, 'clock' | 'signal'>,
  targets: readonly RestoreTarget[],
): Promise<boolean> {
  for (const { path, only } of targets) {
    if (only === undefined) return false
    using live = openDirectory(path)
    const there = only.map((one) => statBelow({ root: bytePath(live.here), path: one }))
    if (there.some((stat) => stat?.isFile() === false)) return false

    const asked = { clock, signal, near: false }
    const { open, unknown } = await findOpenFiles(live, only, new Set(), asked)
    if (open + unknown > 0) return false
  }
  return true
}
