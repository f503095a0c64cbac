import type { BytePath } from '../../system/byte-path.ts'
import { parentOf } from '../watch-directories.ts'

export interface MovePlan {
  /** Subtrees to move from the spare: the topmost directory of each. */
  moves: BytePath[]
  /** All directories that move along, these among them. */
  moved: BytePath[]
  /** Untouched directories that have to be made in staging like any other. */
  staged: BytePath[]
}

/**
 * A directory into which something is moved gets its time of modification back from touch(1), and a process costs as much
 * as linking so many entries, and removing them again with the spare.
 */
export const worthMoving = 200

/**
 * Decides what becomes of untouched directories, given with the number of their entries. Those above a touched one have
 * to be in staging before it is copied. What is left are whole subtrees; below one parent they are moved together, or
 * not at all where that does not pay. The root of a volume has no parent to pay for.
 */
export function planMoves(
  untouched: ReadonlyMap<BytePath, number>,
  touched: Iterable<BytePath>,
  leastMoved = worthMoving,
): MovePlan {
  const torn = withAllAbove(touched)
  const tops = new Map<BytePath, BytePath>()
  const topOf = (path: BytePath): BytePath => {
    const way = [path]
    let top = path
    while (top !== '' && !tops.has(top) && !torn.has(parentOf(top))) way.push((top = parentOf(top)))
    top = tops.get(top) ?? top
    for (const one of way) tops.set(one, top)
    return top
  }
  const saved = new Map<BytePath, number>()
  for (const [path, entries] of untouched) {
    if (torn.has(path)) continue
    const parent = parentOf(topOf(path))
    saved.set(parent, (saved.get(parent) ?? 0) + entries + 1)
  }
  const plan: MovePlan = { moves: [], moved: [], staged: [] }
  for (const path of untouched.keys()) {
    const top = torn.has(path) ? undefined : topOf(path)
    const isMoved =
      top !== undefined && (top === '' || (saved.get(parentOf(top)) ?? 0) >= leastMoved)
    if (!isMoved) plan.staged.push(path)
    else {
      plan.moved.push(path)
      if (path === top) plan.moves.push(path)
    }
  }
  return plan
}

function withAllAbove(paths: Iterable<BytePath>): Set<BytePath> {
  const found = new Set<BytePath>()
  for (const path of paths) {
    for (let one = path; !found.has(one); one = parentOf(one)) found.add(one)
  }
  return found
}
