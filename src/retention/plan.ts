/** What retention needs to know of a snapshot. */
export interface Candidate {
  name: string
  pinned: boolean
  /** A safety snapshot: what a restore replaced. */
  safety: boolean
  /** Taken with warnings, such as files that vanished while they were read. */
  flagged: boolean
}

export interface RetentionPolicy {
  /** Keep this many of the newest; pinned and protected ones do not count. */
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
 * Decides for each snapshot (oldest first) whether it stays, with the rule that says so. The newest one,
 * and the newest without warnings, always stay.
 */
export function planRetention(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
): RetentionDecision[] {
  const newest = candidates.at(-1)
  const newestGood = candidates.findLast((candidate) => !candidate.flagged && !candidate.safety)
  let counted = 0
  return candidates
    .toReversed()
    .map((candidate): RetentionDecision => {
      const exempt = exemption(candidate, policy)
      if (exempt !== undefined) return { name: candidate.name, keep: true, reason: exempt }
      counted += 1
      if (counted <= policy.maxSnapshots) {
        return kept(candidate, `number ${counted} of the newest ${policy.maxSnapshots} (SNAP_MAX)`)
      }
      if (candidate === newest) return kept(candidate, 'the newest snapshot')
      if (candidate === newestGood) return kept(candidate, 'the newest snapshot without warnings')
      return {
        name: candidate.name,
        keep: false,
        reason: `older than the newest ${policy.maxSnapshots} (SNAP_MAX)`,
      }
    })
    .toReversed()
}

function exemption(candidate: Candidate, policy: RetentionPolicy): string | undefined {
  return candidate.pinned ? 'pinned' : policy.protected.get(candidate.name)
}

function kept(candidate: Candidate, reason: string): RetentionDecision {
  return { name: candidate.name, keep: true, reason }
}
