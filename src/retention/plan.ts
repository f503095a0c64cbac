import type { KeepPolicy } from '../config/keep-rules.ts'
import { applyKeepRules } from './keep-rules.ts'

/** What retention needs to know of a snapshot. */
export interface Candidate {
  name: string
  time: Date
  /** The volumes it holds. */
  volumes: readonly CandidateVolume[]
  pinned: boolean
  /** What a restore replaced, or a clone held. */
  safety: boolean
  /** Whether a server was seen to start on it. */
  proved?: boolean
}

export interface CandidateVolume {
  id: string
  /** Copied with warnings, such as files that vanished while they were read. */
  flagged: boolean
}

export interface RetentionPolicy {
  /**
   * Keep this many of the newest, and of the newest safety snapshots; pinned and protected ones do
   * not count.
   */
  maxSnapshots: number
  /** SNAP_KEEP_*, which decide in the place of the newest ones where there are any. */
  keep?: (KeepPolicy & { timeZone: string }) | undefined
  /** Snapshots in use, by name, with the reason to show. */
  protected: ReadonlyMap<string, string>
}

export interface RetentionDecision {
  name: string
  keep: boolean
  /** The rule that decided, for people. */
  reason: string
}

/** A schedule removes one at a time; more than so many at once is a policy that is new, or wrong. */
const mostAtOnce = 10

/** How many go where that is so many that somebody should look first; undefined where it is few. */
export function countManyRemoved(plan: readonly RetentionDecision[]): number | undefined {
  const removed = plan.filter(({ keep }) => !keep).length
  return removed > mostAtOnce || removed * 2 > plan.length ? removed : undefined
}

/**
 * Decides for each snapshot (oldest first) whether it stays, with the rules that say so: those of
 * SNAP_KEEP_*, or without any the newest SNAP_MAX. Safety snapshots have a count of their own, so
 * that trying several snapshots does not push them out. The newest of all, and for each volume the
 * newest and the newest without warnings, always stay.
 */
export function planRetention(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
): RetentionDecision[] {
  const lastOnes = findLastOnes(candidates)
  const counted = { regular: 0, safety: 0 }
  const decideByRules = policy.keep && decidingByRules(candidates, policy, policy.keep, lastOnes)

  return candidates
    .toReversed()
    .map((candidate): RetentionDecision => {
      const exempt = exemption(candidate, policy)
      if (exempt !== undefined) return { name: candidate.name, keep: true, reason: exempt }
      if (decideByRules !== undefined && !candidate.safety) return decideByRules(candidate)

      const kind = candidate.safety ? 'safety' : 'regular'
      const what = `${policy.maxSnapshots}${candidate.safety ? ' safety snapshots' : ''} (SNAP_MAX)`
      counted[kind] += 1
      if (counted[kind] <= policy.maxSnapshots) {
        return kept(candidate, `number ${counted[kind]} of the newest ${what}`)
      }

      const last = lastOnes.get(candidate)
      if (last !== undefined) return kept(candidate, last)
      return { name: candidate.name, keep: false, reason: `older than the newest ${what}` }
    })
    .toReversed()
}

/**
 * Decides by SNAP_KEEP_*; to be asked for the newest first. Pinned, protected and safety snapshots
 * are outside of the rules, and take no place there.
 */
function decidingByRules(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
  { rules, cap = Infinity, timeZone }: NonNullable<RetentionPolicy['keep']>,
  lastOnes: ReadonlyMap<Candidate, string>,
): (candidate: Candidate) => RetentionDecision {
  const ruled = candidates
    .filter((one) => !one.safety && exemption(one, policy) === undefined)
    .map(({ volumes, ...one }) => ({ ...one, flagged: volumes.some(({ flagged }) => flagged) }))
  const reasonsByName = applyKeepRules(ruled, rules, timeZone)
  let count = 0

  return (candidate) => {
    const reasons = reasonsByName.get(candidate.name)
    if (reasons !== undefined) count += 1
    if (reasons !== undefined && count <= cap) return kept(candidate, reasons.join(', '))

    const last = lastOnes.get(candidate)
    if (last !== undefined) return kept(candidate, last)
    const reason = reasons === undefined ? 'no rule keeps it' : `more than ${cap} (SNAP_MAX)`
    return { name: candidate.name, keep: false, reason }
  }
}

/** However short space is, so many of the newest stay. */
const leastLeft = 3

/** Those that may go where space is short, oldest first: nothing but a rule keeps them. */
export function listExpendable(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
): string[] {
  const lastOnes = findLastOnes(candidates)
  return candidates
    .slice(0, -leastLeft)
    .filter((one) => exemption(one, policy) === undefined && !lastOnes.has(one))
    .map(({ name }) => name)
}

/** Those without which there would be none, or none of a volume, with what they are. */
function findLastOnes(candidates: readonly Candidate[]): Map<Candidate, string> {
  const lastOnes = new Map<Candidate, string>()
  const add = (candidate: Candidate | undefined, what: string): void => {
    if (candidate !== undefined && !lastOnes.has(candidate)) lastOnes.set(candidate, what)
  }

  add(candidates.at(-1), 'the newest snapshot')
  for (const id of new Set(candidates.flatMap(({ volumes }) => volumes.map((one) => one.id)))) {
    const holding = candidates.filter((one) => volumeOf(one, id) !== undefined)
    // a safety snapshot holds what a restore replaced, which may be the damage
    const regular = holding.filter(({ safety }) => !safety)
    const good = regular.filter((one) => volumeOf(one, id)?.flagged === false)
    add(regular.at(-1) ?? holding.at(-1), `the newest of ${id}`)
    add(good.at(-1), `the newest of ${id} without warnings`)
  }

  return lastOnes
}

function volumeOf({ volumes }: Candidate, id: string): CandidateVolume | undefined {
  return volumes.find((volume) => volume.id === id)
}

/** Whether it stays whatever the rules say, and takes no place there. */
export function isExempt(candidate: Candidate, policy: RetentionPolicy): boolean {
  return exemption(candidate, policy) !== undefined
}

function exemption(candidate: Candidate, policy: RetentionPolicy): string | undefined {
  return candidate.pinned ? 'pinned' : policy.protected.get(candidate.name)
}

function kept(candidate: Candidate, reason: string): RetentionDecision {
  return { name: candidate.name, keep: true, reason }
}
