import type { RestoreStep } from '../../copy/engine.ts'
import type { RecordWarning } from '../../store/record.ts'
import { type BytePath, bytePath } from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import type { Hold } from '../consumers/hold.ts'
import type { ActionContext } from '../context.ts'
import { sumOpenFiles, assertNotInUse, warnOfUse } from './describe-writers.ts'
import type { OpenFiles } from '../writers.ts'
import { findOpenFiles, mostAsked } from './find-open-files.ts'
import type { RestoreOptions } from './decide.ts'
import type { RestoreTarget } from './targets.ts'

/**
 * Whether somebody has files open that a restore would replace or remove, or others of the volume.
 */
export interface UseCheck {
  /** What the restore is going to do. */
  note(target: RestoreTarget, step: RestoreStep): void
  /**
   * Asks for the files that were noted so far, and for some more; undefined where nobody is asked.
   */
  look(targets: readonly RestoreTarget[]): Promise<OpenFiles | undefined>
}

/**
 * Of what is asked for: nothing, the files that are restored, or those and some that a server would
 * have open.
 */
export type AskedFiles = 'none' | 'restored' | 'near'

export function createUseCheck(
  { clock, signal }: Pick<ActionContext, 'clock' | 'signal'>,
  asked: AskedFiles,
): UseCheck {
  const noted = new Map<string, BytePath[]>()
  return {
    note({ id }, { action, path }) {
      if (action === 'create') return
      const paths = noted.get(id) ?? []
      noted.set(id, paths)
      if (paths.length < mostAsked) paths.push(path)
    },
    async look(targets) {
      if (asked === 'none') return undefined
      const found: (OpenFiles & { id: string })[] = []
      for (const { id, path, keptMounts } of targets) {
        using live = openDirectory(path)
        const except = new Set(keptMounts.map((mount) => bytePath(mount.slice(path.length + 1))))
        const paths = noted.get(id) ?? []
        const near = asked === 'near'
        found.push({ id, ...(await findOpenFiles(live, paths, except, { clock, signal, near })) })
      }

      return sumOpenFiles(found)
    },
  }
}

/**
 * Throws OperationError where files are open; where it goes on nevertheless, returns what there is
 * to say of them.
 */
export async function refuseOpenFiles(
  use: UseCheck,
  { force = false }: RestoreOptions,
  targets: readonly RestoreTarget[],
  hold: Pick<Hold, 'assertStopped'>,
): Promise<RecordWarning[]> {
  const files = await use.look(targets)
  if (files === undefined) return []

  // whoever was started meanwhile is told of by name
  if (!force && files.open > 0) await hold.assertStopped()
  if (!force) assertNotInUse(files)
  return warnOfUse(files)
}
