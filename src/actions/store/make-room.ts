import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import prettyBytes from 'pretty-bytes'
import { type MinFree, formatMinFree } from '../../config/min-free.ts'
import { listExpendable } from '../../retention/plan.ts'
import { readCatalog } from '../../store/catalog.ts'
import type { RecordWarning } from '../../store/record.ts'
import { moveToTrash } from '../../store/trash.ts'
import { type ActionContext, emptyAndTell } from '../context.ts'
import { type Freed, type Usage, readUsage } from '../inspect/usage.ts'
import { findCandidates, tellRemoved } from './find-candidates.ts'

/** Why it removes a snapshot, for a plan. */
export const removedForRoom = 'the oldest, while less is free than SNAP_MIN_FREE asks for'

/** How much less than asked for is free; 0 for enough. */
interface Shortage {
  bytes: number
  inodes: number
}

export interface AppliedRetention {
  /** The names. */
  removed: string[]
  warnings: RecordWarning[]
}

export const nothingRemoved: AppliedRetention = { removed: [], warnings: [] }

/** What goes for room, the oldest first; or why nothing does although room lacks. */
export type RoomPlan = { names: string[] } | { warning: RecordWarning }

/**
 * What the second stage of retention would remove once `gone` are: as many of the oldest as it
 * takes, of those that nothing protects, and never the newest three. Changes nothing. Undefined
 * where enough is free then.
 */
export async function planRoom(
  context: ActionContext,
  gone: ReadonlySet<string>,
): Promise<RoomPlan | undefined> {
  const { store, config, clock } = context
  const { minFree } = config
  if (minFree === undefined) return undefined
  const shortage = findShortage(store.directory, minFree)
  if (!isShort(shortage)) return undefined

  const { candidates, policy } = findCandidates(store, readCatalog(store), config, clock.now())
  const left = candidates.filter(({ name }) => !gone.has(name))
  const usage = await readUsage(context)
  const chosen = chooseOldest(usage, gone, listExpendable(left, policy), shortage)
  const asked = `less is free than SNAP_MIN_FREE=${formatMinFree(minFree)} asks for`
  if ('freed' in chosen) {
    const message = `${asked}, and removing every snapshot that may go would give back ${prettyBytes(chosen.freed.bytes)} of the ${prettyBytes(shortage.bytes)} that lack: nothing was removed; free space beside the store, or enlarge its filesystem`
    return { warning: { code: 'min-free', message } }
  }

  const isSure = usage.freedBy(new Set(chosen.names)).bound !== 'at-most'
  if (isSure || chosen.names.length === 0) return chosen
  const message = `${asked}, and nobody can say what removing snapshots would give back, because they share contents with the live data (reflinks): nothing was removed; look at "snap-volume usage", and remove some yourself`
  return { warning: { code: 'min-free', message } }
}

/**
 * The second stage of retention, for SNAP_MIN_FREE. How many snapshots have to go is known before,
 * by what each gives back; where all of them would not do, none goes and a warning says so. Only the
 * writer calls it.
 */
export async function makeRoom(context: ActionContext): Promise<AppliedRetention> {
  const { store, config, signal } = context
  const { minFree } = config
  if (minFree === undefined || !isShort(findShortage(store.directory, minFree)))
    return nothingRemoved

  // what was removed before comes back first
  await emptyAndTell(context, signal)
  const chosen = await planRoom(context, new Set())
  if (chosen === undefined) return nothingRemoved
  if ('warning' in chosen) return { removed: [], warnings: [chosen.warning] }

  const before = freeBytes(store.directory)
  await moveToTrash(
    store,
    chosen.names.map((name) => join(store.directory, name)),
  )
  const removed = tellRemoved(
    context,
    chosen.names.map((name) => ({ name, keep: false, reason: removedForRoom })),
  )
  await emptyAndTell(context, signal)

  const back = prettyBytes(Math.max(0, freeBytes(store.directory) - before))
  const message = `less was free than SNAP_MIN_FREE=${formatMinFree(minFree)} asks for: ${removed.length === 1 ? 'the oldest snapshot was' : `the ${removed.length} oldest snapshots were`} removed, ${back} came back`
  return { removed, warnings: [{ code: 'min-free', message }] }
}

/**
 * The fewest of the oldest that give back enough, with those that are `gone`; what all would give
 * back where that is less.
 */
function chooseOldest(
  usage: Usage,
  gone: ReadonlySet<string>,
  expendable: readonly string[],
  { bytes, inodes }: Shortage,
): { names: string[] } | { freed: Freed } {
  for (let count = gone.size === 0 ? 1 : 0; count <= expendable.length; count += 1) {
    const names = expendable.slice(0, count)
    const freed = usage.freedBy(new Set([...gone, ...names]))
    if (freed.bytes >= bytes && freed.inodes >= inodes) return { names }
  }
  return { freed: usage.freedBy(new Set([...gone, ...expendable])) }
}

/** Whether something lacks. */
export function isShort({ bytes, inodes }: Shortage): boolean {
  return bytes > 0 || inodes > 0
}

/** How much less is free than is asked for. */
export function findShortage(directory: string, minFree: MinFree): Shortage {
  const { bsize, bavail, blocks, ffree, files } = statfsSync(directory)
  const free = bavail * bsize
  if ('bytes' in minFree) return { bytes: Math.max(0, minFree.bytes - free), inodes: 0 }

  const share = minFree.percent / 100
  return {
    bytes: Math.max(0, Math.ceil(blocks * bsize * share) - free),
    // btrfs counts none
    inodes: Math.max(0, Math.ceil(files * share) - ffree),
  }
}

function freeBytes(directory: string): number {
  const { bsize, bavail } = statfsSync(directory)
  return bsize * bavail
}
