import type { Catalog, Snapshot } from './catalog.ts'
import { isFuture, pastSnapshots, recordedSnapshots } from './future.ts'

/** A snapshot that is named before one that was there already when it was taken. */
export interface Misnamed {
  snapshot: Snapshot
  /** The newest such one by its name, which is not of the future. */
  after: Snapshot
}

/** Whether `other` was there when the snapshot was taken, and of the future then. */
export function isAfterFuture({ record }: Snapshot, other: Snapshot): boolean {
  const { afterFuture = [] } = record
  return [other.name, ...(other.record.formerNames ?? [])].some((name) =>
    afterFuture.includes(name),
  )
}

/** Those that a clock named that was set back, oldest name first, as far as records tell. */
export function misnamedSnapshots(catalog: Catalog, now: Date): Misnamed[] {
  const known = recordedSnapshots(catalog).filter(({ time }) => !isFuture(time, now))
  return pastSnapshots(catalog, now).flatMap((snapshot) => {
    const after = known.findLast((one) => one.name > snapshot.name && isAfterFuture(snapshot, one))
    return after === undefined ? [] : { snapshot, after }
  })
}

/** What such are, in a line, without what to do. Undefined where there are none. */
export function describeMisnamed(misnamed: readonly Misnamed[]): string | undefined {
  const [first] = misnamed
  if (first === undefined) return undefined
  const others =
    misnamed.length === 1
      ? ''
      : `, and so it is with ${misnamed.length - 1} more that are kept and not counted`
  return `${first.snapshot.name} was taken after ${first.after.name}, although it is named before it${others}`
}

export function wayOutOfMisnamed(misnamed: readonly Misnamed[]): string {
  return `name by its start the one that a wrong clock named: "snap-volume rename ${misnamed[0]?.snapshot.name} TIME"`
}

/** Undefined where there are none. */
export function warnOfMisnamed(catalog: Catalog, now: Date): string | undefined {
  const misnamed = misnamedSnapshots(catalog, now)
  const what = describeMisnamed(misnamed)
  return what && `${what}; ${wayOutOfMisnamed(misnamed)}`
}
