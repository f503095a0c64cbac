import {
  type Candidate,
  type CandidateVolume,
  type RetentionDecision,
  type RetentionPolicy,
  planRetention,
} from './plan.ts'

/**
 * What would be there after snapshots at `times`, each without warnings, and retention after each
 * of them. The names of the new ones are their times.
 */
export function simulateRetention(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
  times: readonly Date[],
  { volumes, nameOf }: { volumes: readonly CandidateVolume[]; nameOf: (time: Date) => string },
): RetentionDecision[] {
  let there = [...candidates]
  let plan = planRetention(there, policy)
  for (const time of times) {
    there.push({ name: nameOf(time), time, volumes, pinned: false, safety: false })
    plan = planRetention(there, policy)
    there = there.filter((_, index) => plan[index]?.keep)
  }

  return plan.filter(({ keep }) => keep)
}
