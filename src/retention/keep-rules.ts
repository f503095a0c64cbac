import type { KeepPolicy, KeepRules } from '../config/keep-rules.ts'

/** A snapshot that the rules decide about. */
export interface DatedSnapshot {
  name: string
  time: Date
  /** Whether it has warnings, of whichever volume. */
  flagged: boolean
  /** Whether a server was seen to start on it. */
  proved?: boolean
}

/**
 * All reasons for which the rules keep snapshots, by name; who is not in it is kept by none.
 *
 * 1. A rule takes the N newest buckets that have a snapshot: a gap costs nothing. Buckets are of the
 *    time zone: the hour with its offset (the repeated hour of autumn is two), the local date, the
 *    ISO week, the month, the year.
 * 2. In each it keeps the newest snapshot without warnings, one that is proved before others, or the
 *    newest where all have warnings.
 * 3. While a rule has fewer buckets than N, the oldest snapshot stands in for the others.
 *
 * The snapshots come oldest first.
 */
export function applyKeepRules(
  snapshots: readonly DatedSnapshot[],
  rules: KeepRules,
  timeZone: string,
): Map<string, string[]> {
  const reasons = new Map<string, string[]>()
  for (const { name, text } of eachReason(snapshots, rules, timeZone)) {
    reasons.set(name, [...(reasons.get(name) ?? []), text])
  }
  return reasons
}

/** Why a rule keeps a snapshot. */
interface KeepReason {
  name: string
  text: string
  /** So many newer ones of this kind, and it goes; undefined where nobody can tell. */
  newer: { kind: Kind | 'within'; count: number } | undefined
}

/** Every reason of every rule; see applyKeepRules. */
export function* eachReason(
  snapshots: readonly DatedSnapshot[],
  rules: KeepRules,
  timeZone: string,
): Generator<KeepReason> {
  const newestMs = snapshots.at(-1)?.time.getTime() ?? 0
  for (const { name, time } of snapshots) {
    const isWithin = newestMs - time.getTime() < rules.withinMs
    const text = `within ${formatSpan(rules.withinMs)} of the newest`
    if (isWithin) yield { name, text, newer: { kind: 'within', count: 1 } }
  }

  const localTimeOf = localTimes(timeZone)
  for (const { kind, bucketOf } of kinds) {
    const count = rules[kind]
    if (count === 0) continue

    const buckets = newestBuckets(snapshots, count, (snapshot) =>
      bucketOf(snapshot, localTimeOf(snapshot.time)),
    )
    for (const [index, inBucket] of buckets.entries()) {
      const good = inBucket.filter(({ flagged }) => !flagged)
      const chosen = good.find(({ proved }) => proved) ?? good[0] ?? inBucket[0]
      if (chosen === undefined) continue
      const text = `${kind} ${index + 1} of ${count}`
      yield { name: chosen.name, text, newer: { kind, count: count - index } }
    }

    const [oldest] = snapshots
    if (buckets.length < count && oldest !== undefined && kind !== 'last') {
      const text = `oldest, until ${count} ${kind} ones are there`
      yield { name: oldest.name, text, newer: undefined }
    }
  }
}

/** The snapshots of each of the newest buckets, newest first. */
function newestBuckets(
  snapshots: readonly DatedSnapshot[],
  count: number,
  bucketOf: (snapshot: DatedSnapshot) => string,
): DatedSnapshot[][] {
  return [...Map.groupBy(snapshots.toReversed(), bucketOf).values()].slice(0, count)
}

type Kind = Exclude<keyof KeepRules, 'withinMs'>

/** In the order in which their reasons are told. */
const kinds: readonly {
  kind: Kind
  bucketOf: (snapshot: DatedSnapshot, local: LocalTime) => string
}[] = [
  { kind: 'last', bucketOf: ({ name }) => name },
  { kind: 'hourly', bucketOf: (_, { date, hour, offset }) => `${date} ${hour} ${offset}` },
  { kind: 'daily', bucketOf: (_, { date }) => date },
  { kind: 'weekly', bucketOf: (_, { date }) => mondayOf(date) },
  { kind: 'monthly', bucketOf: (_, { date }) => date.slice(0, 'YYYY-MM'.length) },
  { kind: 'yearly', bucketOf: (_, { date }) => date.slice(0, 'YYYY'.length) },
]

interface LocalTime {
  /** YYYY-MM-DD */
  date: string
  hour: string
  /** Such as `GMT+02:00`. */
  offset: string
}

const readers = new Map<string, (time: Date) => LocalTime>()

/** What a clock on the wall of the zone shows; each zone is looked up once. */
function localTimes(timeZone: string): (time: Date) => LocalTime {
  const reader = readers.get(timeZone) ?? readLocalTimes(timeZone)
  readers.set(timeZone, reader)
  return reader
}

/**
 * By Node itself, because luxon takes long to load. A simulation asks for the same times again and
 * again.
 */
function readLocalTimes(timeZone: string): (time: Date) => LocalTime {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    timeZoneName: 'longOffset',
  })

  const read = (time: Date): LocalTime => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]))
    const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? ''
    return {
      date: `${part('year')}-${part('month')}-${part('day')}`,
      hour: part('hour'),
      offset: part('timeZoneName'),
    }
  }

  const known = new WeakMap<Date, LocalTime>()
  return (time) => {
    const local = known.get(time) ?? read(time)
    known.set(time, local)
    return local
  }
}

/** An ISO week is the one of its Monday. */
function mondayOf(date: string): string {
  const day = new Date(`${date}T00:00:00Z`)
  const sinceMonday = (day.getUTCDay() + 6) % 7
  return new Date(day.getTime() - sinceMonday * 86_400_000).toISOString().slice(0, date.length)
}

/** Days where it is whole days, else hours, minutes or seconds; as SNAP_KEEP_WITHIN is written. */
export function formatSpan(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const
  const [unit, unitMs] = units.find(([, length]) => ms % length === 0) ?? ['s', 1000]
  return `${ms / unitMs}${unit}`
}

/** Such as `24 hourly, 7 daily, all within 36h, at most 300`. */
export function describeKeepPolicy({ rules, cap }: KeepPolicy): string {
  const counts = kinds.flatMap(({ kind }) => (rules[kind] === 0 ? [] : `${rules[kind]} ${kind}`))
  return [
    ...counts,
    ...(rules.withinMs === 0 ? [] : [`all within ${formatSpan(rules.withinMs)}`]),
    ...(cap === undefined ? [] : [`at most ${cap}`]),
  ].join(', ')
}
