import { type BigIntStats, statfsSync } from 'node:fs'
import prettyBytes from 'pretty-bytes'
import { OperationError } from '../../errors.ts'
import { type BytePath, bytePath } from '../../tree/byte-path.ts'
import { mountOf, readMounts } from '../../system/mounts.ts'
import type { RestoreRequest } from '../engine.ts'
import { yielding } from '../../tree/yielding.ts'
import type { RestorePlan } from './plan-by-comparison.ts'
import { eachPath } from '../../tree/path-list.ts'
import { allocatedBytes } from '../scan/copy-list.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { walkTree } from '../../tree/walk-tree.ts'

/** What a filesystem needs itself: the last 2 % are not counted on. */
const usable = 0.98

/**
 * What is made at a time, with what it takes on the disk, and what the entries that it replaces
 * take there.
 */
export interface Unit {
  paths: BytePath[]
  newBytes: number
  oldBytes: number
}

/**
 * Undefined where all that is made has room beside what it replaces; else what to make one after
 * the other.
 */
export async function planSpace(
  request: RestoreRequest,
  plan: RestorePlan,
): Promise<Unit[] | undefined> {
  const { source, target } = request
  const needed = await sumUnits(request, plan)
  const free = freeBytes(target.here)
  if (needed.newBytes <= free) return undefined

  const removed = await sumRemoved(request, plan)
  const missing = needed.newBytes - free - removed - needed.oldBytes
  if (missing > 0 && !mayShareContents(source.path, target.path)) {
    throw new OperationError(
      `nothing was changed in ${target.path}, because what is restored has no room there: ${prettyBytes(missing)} are missing, also when all that it replaces is gone;`,
      { fix: 'free space, or enlarge the filesystem' },
    )
  }

  const units: Unit[] = []
  for await (const unit of eachUnit(request, plan)) units.push(unit)
  // those that give space back come first
  return units.toSorted((one, other) => growth(one) - growth(other))
}

/** What is cloned takes no room. */
function mayShareContents(source: string, target: string): boolean {
  const mounts = readMounts()
  const [one, other] = [mountOf(mounts, source), mountOf(mounts, target)]
  return one?.device === other?.device && ['xfs', 'btrfs'].includes(other?.type ?? '')
}

export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize * usable
}

function growth({ newBytes, oldBytes }: Unit): number {
  return newBytes - oldBytes
}

async function sumUnits(request: RestoreRequest, plan: RestorePlan): Promise<Omit<Unit, 'paths'>> {
  const sum = { newBytes: 0, oldBytes: 0 }
  for await (const { newBytes, oldBytes } of eachUnit(request, plan)) {
    sum.newBytes += newBytes
    sum.oldBytes += oldBytes
  }
  return sum
}

/** The names of one file are made together. */
async function* eachUnit(
  { source, target, signal }: RestoreRequest,
  { make, groups }: RestorePlan,
): AsyncGenerator<Unit> {
  using wanted = new TreeReader(source.here)
  using live = new TreeReader(target.here)
  const measure = (paths: BytePath[]): Unit => {
    const stat = wanted.lstat(paths[0] ?? '')
    return {
      paths,
      newBytes: stat === undefined ? 0 : allocatedBytes(stat),
      oldBytes: paths.reduce((sum, path) => sum + freedBytes(live.lstat(path)), 0),
    }
  }

  for await (const path of yielding(eachPath(make.files.bytes()), signal)) yield measure([path])
  for (const paths of groups) yield measure(paths)
}

/**
 * What its deletion gives back; of a file with several names nobody knows when the last one goes.
 */
function freedBytes(stat: BigIntStats | undefined): number {
  return stat?.isFile() === true && stat.nlink === 1n ? allocatedBytes(stat) : 0
}

async function sumRemoved(
  { target, signal, except }: RestoreRequest,
  { remove }: RestorePlan,
): Promise<number> {
  using live = new TreeReader(target.here)
  let bytes = remove.reduce((sum, path) => sum + freedBytes(live.lstat(path)), 0)

  const mounts = new Set(except.map(bytePath))
  for await (const { stat } of walkTree(target.here, signal, remove, mounts)) {
    bytes += freedBytes(stat)
  }
  return bytes
}
