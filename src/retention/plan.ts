/** What retention needs to know of a snapshot. */
export interface Candidate {
  name: string
  /** The volumes it holds. */
  volumes: readonly CandidateVolume[]
  pinned: boolean
  /** A safety snapshot: what a restore replaced. */
  safety: boolean
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
 * Decides for each snapshot (oldest first) whether it stays, with the rule that says so. Safety
 * snapshots have a count of their own, so that trying several snapshots does not push them out. The
 * newest of all, and for each volume the newest and the newest without warnings, always stay.
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

function exemption(candidate: Candidate, policy: RetentionPolicy): string | undefined {
  return candidate.pinned ? 'pinned' : policy.protected.get(candidate.name)
}

function kept(candidate: Candidate, reason: string): RetentionDecision {
  return { name: candidate.name, keep: true, reason }
}
