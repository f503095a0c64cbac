import { eachReason } from './keep-rules.ts'
import { type Candidate, type RetentionPolicy, isExempt } from './plan.ts'

const day = 86_400_000
const spans = {
  hourly: day / 24,
  daily: day,
  weekly: 7 * day,
  monthly: 30.5 * day,
  yearly: 365 * day,
}

/** Of so many of the newest gaps between snapshots the middle one is taken for the next ones. */
const gapsSeen = 16

/**
 * About when retention lets go of snapshots, if they go on to be taken as they were since the
 * newest: by the rules alone, so that the last ones of a volume may stay for longer. Without those
 * of which nobody can tell.
 */
export function expectEnds(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
): Map<string, Date> {
  const counting = candidates.filter((one) => !one.safety && !isExempt(one, policy))
  const stepMs = usualGap(counting)
  const newestMs = counting.at(-1)?.time.getTime()
  if (stepMs === undefined || newestMs === undefined) return new Map()

  const ends = new Map<string, Date>()
  const note = (name: string, leftMs: number): void => {
    const end = new Date(newestMs + leftMs)
    const known = ends.get(name)
    if (known === undefined || known < end) ends.set(name, end)
  }

  const { keep, maxSnapshots } = policy
  if (keep === undefined) {
    for (const [index, { name }] of counting.toReversed().entries()) {
      note(name, Math.max(0, maxSnapshots - index) * stepMs)
    }
    return ends
  }

  const unforeseen = new Set<string>()
  const dated = counting.map(({ volumes, ...one }) => {
    return { ...one, flagged: volumes.some(({ flagged }) => flagged) }
  })
  for (const { name, newer } of eachReason(dated, keep.rules, keep.timeZone)) {
    if (newer === undefined) unforeseen.add(name)
    else if (newer.kind === 'within') {
      const time = counting.find((one) => one.name === name)?.time.getTime() ?? 0
      note(name, Math.max(0, time + keep.rules.withinMs - newestMs))
    } else {
      const spanMs = newer.kind === 'last' ? 0 : spans[newer.kind]
      note(name, newer.count * Math.max(stepMs, spanMs))
    }
  }
  for (const name of unforeseen) ends.delete(name)
  return ends
}

function usualGap(candidates: readonly Candidate[]): number | undefined {
  const times = candidates.slice(-1 - gapsSeen).map(({ time }) => time.getTime())
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  return gaps.toSorted((one, other) => one - other)[Math.floor(gaps.length / 2)]
}
