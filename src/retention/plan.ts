/** What retention needs to know of a snapshot. */
export interface Candidate {
  name: string
  /** The ids of the volumes it holds. */
  volumes: readonly string[]
  pinned: boolean
  /** A safety snapshot: what a restore replaced. */
  safety: boolean
  /** Taken with warnings, such as files that vanished while they were read. */
  flagged: boolean
}

export interface RetentionPolicy {
  /** Keep this many of the newest, and of the newest safety snapshots; pinned and protected ones do not count. */
  maxSnapshots: number
  /** Snapshots in use, by name, with the reason to show. */
  protected: ReadonlyMap<string, string>
}

export interface RetentionDecision {
  name: string
  keep: boolean
  /** The rule that decided, for people. */
  reason: string
}

/**
 * Decides for each snapshot (oldest first) whether it stays, with the rule that says so. Safety snapshots
 * have a count of their own, so that trying several snapshots does not push them out. The newest of all, and
 * for each volume the newest without warnings, always stay.
 */
export function planRetention(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
): RetentionDecision[] {
  const lastOnes = findLastOnes(candidates)
  const counted = { regular: 0, safety: 0 }
  return candidates
    .toReversed()
    .map((candidate): RetentionDecision => {
      const exempt = exemption(candidate, policy)
      if (exempt !== undefined) return { name: candidate.name, keep: true, reason: exempt }
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

/** Those without which there would be none, or none of a volume, with what they are. */
function findLastOnes(candidates: readonly Candidate[]): Map<Candidate, string> {
  const lastOnes = new Map<Candidate, string>()
  for (const id of new Set(candidates.flatMap(({ volumes }) => volumes))) {
    const last = candidates.findLast(
      ({ volumes, flagged, safety }) => volumes.includes(id) && !flagged && !safety,
    )
    if (last !== undefined) lastOnes.set(last, `the newest of ${id} without warnings`)
  }
  const newest = candidates.at(-1)
  if (newest !== undefined) lastOnes.set(newest, 'the newest snapshot')
  return lastOnes
}

function exemption(candidate: Candidate, policy: RetentionPolicy): string | undefined {
  return candidate.pinned ? 'pinned' : policy.protected.get(candidate.name)
}

function kept(candidate: Candidate, reason: string): RetentionDecision {
  return { name: candidate.name, keep: true, reason }
}
