import { setImmediate as nextTurn } from 'node:timers/promises'
import { throwIfInterrupted } from '../../errors.ts'
import {
  type BytePath,
  isInAny,
  joinPath,
  parentOf,
  readKinds,
  readNames,
} from '../../tree/byte-path.ts'
import type { Excludes } from '../../tree/excludes.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

export interface Removal {
  live: string
  excludes: Excludes
  /** Paths that are left alone anyway, and not looked into. */
  except: ReadonlySet<BytePath>
  signal?: AbortSignal | undefined
}

/**
 * Of live entries that are to be removed, and are not excluded themselves, gives what can go. What
 * is excluded in one stays, with the directories above it, as with `rsync --delete`. `onSpared`
 * hears of each entry of which something stays.
 */
export async function spareExcluded(
  { live, excludes, except, signal }: Removal,
  remove: readonly BytePath[],
  onSpared: (path: BytePath) => void,
): Promise<BytePath[]> {
  if (excludes.isEmpty) return [...remove]
  using reader = new TreeReader(live)
  const left: BytePath[] = []
  for (const top of remove) {
    const { excluded, above } = await findExcluded(top)
    if (above.size === 0) left.push(top)
    else onSpared(top)

    for (const directory of above) {
      for (const name of reader.at(joinPath(directory, '.'), readNames) ?? []) {
        const path = joinPath(directory, name)
        if (!excluded.has(path) && !above.has(path)) left.push(path)
      }
    }
  }

  return left

  async function findExcluded(
    top: BytePath,
  ): Promise<{ excluded: Set<BytePath>; above: Set<BytePath> }> {
    const excluded = new Set<BytePath>()
    const above = new Set<BytePath>()
    const pending = [top]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      await nextTurn()
      throwIfInterrupted(signal)

      for (const { name, isDirectory } of reader.at(joinPath(next, '.'), readKindsOf) ?? []) {
        const path = joinPath(next, name)
        if (excludes.has(path, isDirectory)) {
          excluded.add(path)
          for (let one = next; one.length >= top.length && !above.has(one); one = parentOf(one)) {
            above.add(one)
          }
        } else if (isDirectory && !isInAny(path, except)) pending.push(path)
      }
    }

    return { excluded, above }
  }
}

function readKindsOf(directory: BytePath): { name: BytePath; isDirectory: boolean }[] {
  return readKinds(directory) ?? []
}
