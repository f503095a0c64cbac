import { DateTime } from 'luxon'
import { OperationError } from '../errors.ts'
import { type Catalog, type Snapshot, isSafety } from './catalog.ts'

/**
 * Finds the snapshot that `reference` means: a full name, a beginning that fits one snapshot, `latest`,
 * `latest~2`, or a time, which means the newest snapshot at or before it (a date means its whole day).
 * `latest` and times pass over safety snapshots, so that a restore repeated means the same.
 * Throws OperationError that says why none or more than one fits.
 */
export function resolveReference(catalog: Catalog, reference: string, now: Date): Snapshot {
  const damaged = catalog.damaged.find(({ name }) => name === reference)
  if (damaged !== undefined) {
    throw new OperationError(`the record of ${damaged.name} is damaged (${damaged.problem});`, {
      fix: `its data can be copied by hand from ${damaged.path}`,
    })
  }
  const regular = catalog.snapshots.filter((snapshot) => !isSafety(snapshot))
  return (
    byLatest(regular, reference) ??
    byName(catalog.snapshots, reference) ??
    byTime(regular, reference, now) ??
    notFound(catalog, reference)
  )
}

function byLatest(regular: readonly Snapshot[], reference: string): Snapshot | undefined {
  const match = /^latest(?:~(\d{1,6}))?$/.exec(reference)
  if (match === null) return undefined
  const back = Number(match[1] ?? 0)
  const snapshot = regular.at(-1 - back)
  if (snapshot === undefined) {
    throw new OperationError(
      `there is no ${reference}: without safety snapshots the store has ${regular.length};`,
      { fix: 'see "snap-volume show"' },
    )
  }
  return snapshot
}

function byName(snapshots: readonly Snapshot[], reference: string): Snapshot | undefined {
  const exact = snapshots.find(({ name }) => name === reference)
  if (exact !== undefined || reference.length < 4) return exact
  const fitting = snapshots.filter(
    ({ name }) => name.startsWith(reference) || name.startsWith(`@GMT-${reference}`),
  )
  if (fitting.length > 1) {
    throw new OperationError(
      `${JSON.stringify(reference)} fits ${fitting.length} snapshots, from ${fitting[0]?.name} to ${fitting.at(-1)?.name}`,
      { fix: 'write more of the name' },
    )
  }
  return fitting[0]
}

function byTime(regular: readonly Snapshot[], reference: string, now: Date): Snapshot | undefined {
  const time = parseTime(reference, now)
  if (time === undefined) return undefined
  const snapshot = regular.findLast((candidate) => candidate.time <= time)
  if (snapshot === undefined) {
    throw new OperationError(
      `there is no snapshot at or before ${time.toISOString()}: ${describeOldest(regular)}`,
    )
  }
  return snapshot
}

function describeOldest(regular: readonly Snapshot[]): string {
  return regular[0] === undefined ? 'the store has none' : `the oldest is ${regular[0].name}`
}

/** `2026-11-20`, `2026-11-20T03:00Z`, `2 days ago`; GMT where no zone is given. */
function parseTime(reference: string, now: Date): Date | undefined {
  const ago = /^(\d{1,6}) (second|minute|hour|day|week|month|year)s? ago$/.exec(reference)
  if (ago !== null) {
    const time = DateTime.fromJSDate(now, { zone: 'utc' }).minus({ [`${ago[2]}s`]: Number(ago[1]) })
    return time.isValid ? time.toJSDate() : undefined
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(reference)) return undefined
  const time = DateTime.fromISO(reference.replace(' ', 'T'), { zone: 'utc' })
  if (!time.isValid) return undefined
  return (reference.length === 10 ? time.endOf('day') : time).toJSDate()
}

function notFound(catalog: Catalog, reference: string): never {
  const newest = catalog.snapshots.findLast((snapshot) => !isSafety(snapshot))
  throw new OperationError(`there is no snapshot ${JSON.stringify(reference)}`, {
    fix:
      newest === undefined
        ? 'the store has none; take one with "snap-volume snapshot"'
        : `see "snap-volume show", or say latest for ${newest.name}`,
  })
}
