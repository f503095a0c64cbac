import type { Catalog, Snapshot } from './catalog.ts'

/**
 * Ahead by no more than this, the order of names is kept: a wrong time zone makes no larger error,
 * and it passes in a day.
 */
const longestAheadMs = 86_400_000

/** No clock before it is right: Node 24, which this program needs, came out then. */
const earliestMs = Date.UTC(2025, 4, 6)

/**
 * Whether a time is of a clock that was wrong, and far ahead of `now`. Never where `now` is what
 * cannot be right: then the names of the store are better than the clock.
 */
export function isFuture(time: Date, now: Date): boolean {
  return now.getTime() >= earliestMs && time.getTime() > now.getTime() + longestAheadMs
}

/** Those of the future, oldest first. */
export function futureSnapshots({ snapshots }: Catalog, now: Date): Snapshot[] {
  return snapshots.filter(({ time }) => isFuture(time, now))
}

/** The others: what is newest among them is the newest of all, as far as one can know. */
export function pastSnapshots({ snapshots }: Catalog, now: Date): Snapshot[] {
  return snapshots.filter(({ time }) => !isFuture(time, now))
}

/**
 * The same snapshots, those of the future first: nobody knows when they were taken, and what is
 * taken by a right clock comes after them. The last one is the newest one of now, or of the future
 * where there is no other.
 */
export function futureFirst(catalog: Catalog, now: Date): Catalog {
  return {
    ...catalog,
    snapshots: [...futureSnapshots(catalog, now), ...pastSnapshots(catalog, now)],
    futureAt: now,
  }
}

/**
 * Every snapshot whose record can be read, in the order of the others, also where data of it are
 * gone.
 */
export function recordedSnapshots({ snapshots, damaged, futureAt }: Catalog): Snapshot[] {
  const lost = damaged.flatMap(({ snapshot }) => snapshot ?? [])
  const sorted = [...snapshots, ...lost].toSorted((one, other) => (one.name < other.name ? -1 : 1))
  if (futureAt === undefined) return sorted
  const past = sorted.filter(({ time }) => !isFuture(time, futureAt))
  return [...sorted.filter(({ time }) => isFuture(time, futureAt)), ...past]
}

/** What such are, in a line; `warnOfFuture` says what to do too. */
export function describeFuture(future: readonly Snapshot[]): string {
  const others = future.length === 1 ? ' is' : ` and ${future.length - 1} more are`
  return `${future[0]?.name}${others} of the future, left alone and not counted`
}

/** Undefined where there are none. */
export function warnOfFuture(catalog: Catalog, now: Date): string | undefined {
  const future = futureSnapshots(catalog, now)
  if (future.length === 0) return undefined
  return `${describeFuture(future)}: if the clock is right (${now.toISOString()}), "snap-volume rename" names them by their start`
}
