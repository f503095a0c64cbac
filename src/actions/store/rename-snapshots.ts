import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { OperationError, UsageError } from '../../errors.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { renameDurably, writeFileDurably } from '../../store/durable.ts'
import { futureSnapshots } from '../../store/future.ts'
import { snapshotsOfClones } from '../../store/clones.ts'
import { recordFileName } from '../../store/layout.ts'
import { formatSnapshotName, nextSnapshotTime } from '../../store/names.ts'
import { formatRecord } from '../../store/record.ts'
import { parseTime, resolveReference } from '../../store/references.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../../store/restore-journal.ts'
import { type ActionContext, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'

export interface RenameOptions {
  /** The snapshot to rename; undefined for all of the future. */
  reference: string | undefined
  /** When it was taken; undefined for what its record says. */
  time: string | undefined
}

export interface RenamePlan {
  renames: { from: string; to: string }[]
  /** Those of which nobody knows when they were taken, with what to do. */
  left: { name: string; reason: string }[]
}

/**
 * Says which snapshots get the names of their starts; changes nothing. Throws OperationError for
 * one that is named and cannot have another name, UsageError for what is no time.
 */
export function planRenames(context: ActionContext, options: RenameOptions): RenamePlan {
  const { renames, left } = decideRenames(context, options)
  return { renames: renames.map(namesOf), left }
}

/**
 * Gives snapshots the names of their starts. A crash leaves each with its old name or with its new
 * one: the record, which says both, is written before the directory is renamed.
 */
export async function renameSnapshots(
  context: ActionContext,
  options: RenameOptions,
): Promise<RenamePlan> {
  return logged(
    context,
    { act: 'rename', ...(options.reference !== undefined && { snapshot: options.reference }) },
    async () => asWriter(context, 'rename', async () => applyRenames(context, options)),
    ({ renames }) => ({ renamed: renames }),
  )
}

interface Rename {
  snapshot: Snapshot
  to: string
}

interface Decision {
  renames: Rename[]
  left: RenamePlan['left']
}

function decideRenames({ store, clock }: ActionContext, options: RenameOptions): Decision {
  const interrupted = readInterruptedRestore(store)
  if (interrupted !== undefined) throw explainInterruptedRestore(interrupted)

  const now = clock.now()
  const catalog = readCatalog(store)
  const { reference } = options
  const chosen =
    reference === undefined
      ? futureSnapshots(catalog, now)
      : [resolveReference(catalog, reference, now)]

  const cloned = snapshotsOfClones(store)
  const taken = new Set(catalog.names)
  const decision: Decision = { renames: [], left: [] }
  for (const { snapshot, start } of inOrder(chosen, options, now)) {
    const { name } = snapshot
    const clone = cloned.get(name)
    if (start > now || clone !== undefined) {
      const { problem, fix } = clone === undefined ? explainUnknown(snapshot) : explainCloned(clone)
      if (reference !== undefined) {
        throw new OperationError(`${name} is not renamed: ${problem};`, { fix })
      }
      decision.left.push({ name, reason: `${problem}; ${fix}` })
    } else if (formatSnapshotName(start) !== name) {
      const to = formatSnapshotName(nextSnapshotTime(start, undefined, taken))
      taken.add(to)
      decision.renames.push({ snapshot, to })
    } else {
      throw new OperationError(`${name} has the name of its start already: nothing was renamed;`, {
        fix: `if it was taken at another time: snap-volume rename ${name} TIME`,
      })
    }
  }

  return decision
}

/** With when they were taken, the first one first. */
function inOrder(
  chosen: readonly Snapshot[],
  { time }: RenameOptions,
  now: Date,
): { snapshot: Snapshot; start: Date }[] {
  const said = time === undefined ? undefined : parseTime(time, now)
  if (time !== undefined && said === undefined) {
    throw new UsageError(`${JSON.stringify(time)} is no time`, {
      fix: 'write it as 2026-11-20T03:00Z',
    })
  }
  if (said !== undefined && said > now) {
    throw new UsageError(`${JSON.stringify(time)} is of the future: no snapshot was taken then`)
  }

  return chosen
    .map((snapshot) => ({ snapshot, start: said ?? new Date(snapshot.record.startedAt) }))
    .toSorted((one, other) => one.start.getTime() - other.start.getTime())
}

function explainUnknown({ name, record: { startedAt, volumes } }: Snapshot): {
  problem: string
  fix: string
} {
  const base = volumes.find((volume) => volume.base !== null)?.base ?? undefined
  const after = base === undefined ? '' : `, after ${base}`

  return {
    problem: `its record says ${startedAt} too`,
    fix: `say when it was taken${after}: snap-volume rename ${name} TIME`,
  }
}

/** An overlay finds the snapshot by its path. */
function explainCloned(clone: string): { problem: string; fix: string } {
  return { problem: clone, fix: 'run "snap-volume clone flatten" or "clone remove" on it first' }
}

async function applyRenames(context: ActionContext, options: RenameOptions): Promise<RenamePlan> {
  const { store } = context
  const { renames, left } = decideRenames(context, options)
  let done = 0
  try {
    for (const rename of renames) {
      renameOne(store.directory, rename)
      done += 1
    }
  } catch (error) {
    const state = `${done} of ${renames.length} are renamed`
    throw await explainFailure(error, inStore(store.directory), state)
  }

  return { renames: renames.map(namesOf), left }
}

function renameOne(directory: string, { snapshot, to }: Rename): void {
  const { name, path, record } = snapshot
  const target = join(directory, to)
  // rename(2) replaces an empty directory of that name
  if (existsSync(target)) {
    throw new OperationError(`${target} appeared meanwhile`, { fix: 'move it away' })
  }

  const formerNames = [...new Set([...(record.formerNames ?? []), name])]
  const renamed = formatRecord({ ...record, name: to, formerNames })
  writeFileDurably(join(path, recordFileName), renamed, 0o644)
  renameDurably(path, target)
}

function namesOf({ snapshot, to }: Rename): { from: string; to: string } {
  return { from: snapshot.name, to }
}
