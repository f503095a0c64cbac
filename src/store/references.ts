import { DateTime } from 'luxon'
import { OperationError } from '../errors.ts'
import {
  type Catalog,
  type DamagedSnapshot,
  type Snapshot,
  findDamaged,
  findSnapshot,
  isAside,
} from './catalog.ts'
import { futureSnapshots, pastSnapshots } from './future.ts'
import { isAfterFuture, misnamedSnapshots } from './misnamed.ts'

/**
 * Finds the snapshot that `reference` means: a full name (also of one of which a volume is gone), a
 * beginning that fits one snapshot, `latest`, `latest~2`, or a time, which means the newest
 * snapshot at or before it (a date means its whole day). `latest` and times pass over safety
 * snapshots, so that a restore repeated means the same, and over those of the future. Throws
 * OperationError that says why none or more than one fits, or that one of the future, or one that a
 * clock set back named, may be meant.
 */
export function resolveReference(catalog: Catalog, reference: string, now: Date): Snapshot {
  const regular = pastSnapshots(catalog, now).filter((snapshot) => !isAside(snapshot))
  const future = futureSnapshots(catalog, now)
  const latest = byLatest(regular, reference, future.length)
  const named = latest === undefined ? byName(catalog, reference) : undefined
  if (named !== undefined) return named

  const snapshot = latest ?? byTime(regular, reference, now) ?? notFound(regular, reference)
  if (latest !== undefined || snapshot === regular.at(-1)) assertNewest(regular, future, reference)
  assertInOrder(catalog, snapshot, reference, now)
  return snapshot
}

/**
 * One of the future may be newer than all others, unless the newest of them was taken when it was
 * there already.
 */
function assertNewest(
  regular: readonly Snapshot[],
  future: readonly Snapshot[],
  reference: string,
): void {
  const newest = regular.at(-1)
  const newer = future.findLast(
    (one) => !isAside(one) && (newest === undefined || !isAfterFuture(newest, one)),
  )
  if (newer === undefined) return

  throw new OperationError(
    `${reference} may mean ${newer.name}, which a wrong clock named, or ${newest?.name}`,
    { fix: 'write the name of one, or name them by their start with "snap-volume rename"' },
  )
}

/** Refuses where the name of `found`, or of one that was taken after it, says the contrary. */
function assertInOrder(catalog: Catalog, found: Snapshot, reference: string, now: Date): void {
  const doubt = misnamedSnapshots(catalog, now).findLast(
    ({ snapshot }) => !isAside(snapshot) && (snapshot === found || isAfterFuture(snapshot, found)),
  )
  if (doubt === undefined) return
  const { snapshot, after } = doubt
  const other = snapshot === found ? after : found
  throw new OperationError(
    `${reference} may mean ${snapshot.name} or ${other.name}: a wrong clock named one of them;`,
    {
      fix: 'write the name of one, or name it by its start with "snap-volume rename SNAPSHOT TIME"',
    },
  )
}

function byLatest(
  regular: readonly Snapshot[],
  reference: string,
  future: number,
): Snapshot | undefined {
  const match = /^latest(?:~(\d{1,6}))?$/.exec(reference)
  if (match === null) return undefined

  const back = Number(match[1] ?? 0)
  const snapshot = regular.at(-1 - back)
  if (snapshot === undefined) {
    const others = future === 0 ? '' : `, and ${future} of the future`
    throw new OperationError(
      `there is no ${reference}: without safety snapshots the store has ${regular.length}${others};`,
      { fix: 'see "snap-volume show"' },
    )
  }

  return snapshot
}

function byName(catalog: Catalog, reference: string): Snapshot | undefined {
  const all = [...catalog.snapshots, ...catalog.damaged]
  const exact =
    all.find(({ name }) => name === reference) ??
    findSnapshot(catalog, reference) ??
    findDamaged(catalog, reference)
  // what is there of it can be had; whoever needs what is gone says so
  if (exact !== undefined && 'problem' in exact && exact.snapshot !== undefined) {
    return exact.snapshot
  }
  const fitting = exact === undefined ? all.filter(({ name }) => begins(name, reference)) : [exact]
  if (fitting.length > 1) {
    const names = fitting.map(({ name }) => name).toSorted()
    throw new OperationError(
      `${JSON.stringify(reference)} fits ${names.length} snapshots, from ${names[0]} to ${names.at(-1)}`,
      { fix: 'write more of the name' },
    )
  }

  const [one] = fitting
  if (one !== undefined && 'problem' in one) refuseDamaged(one)
  return one
}

function begins(name: string, reference: string): boolean {
  if (reference.length < 4) return false
  return name.startsWith(reference) || name.startsWith(`@GMT-${reference}`)
}

function refuseDamaged({ name, path, problem, snapshot }: DamagedSnapshot): never {
  if (snapshot !== undefined) {
    throw new OperationError(problem, {
      fix: `choose another snapshot, or write the full name ${name} for what is left of it`,
    })
  }
  throw new OperationError(
    `there is no snapshot to use: the record of ${name} is damaged (${problem});`,
    { fix: `its data can be copied by hand from ${path}` },
  )
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

/**
 * `2026-11-20`, `2026-11-20T03:00Z`, `2 days ago`; GMT where no zone is given. Undefined for what
 * is no time.
 */
export function parseTime(reference: string, now: Date): Date | undefined {
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

function notFound(regular: readonly Snapshot[], reference: string): never {
  const newest = regular.at(-1)
  throw new OperationError(`there is no snapshot ${JSON.stringify(reference)}`, {
    fix:
      newest === undefined
        ? 'the store has none; take one with "snap-volume snapshot"'
        : `see "snap-volume show", or say latest for ${newest.name}`,
  })
}
