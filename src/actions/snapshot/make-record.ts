import { recordOfAbilities } from '../../store/abilities.ts'
import type { Catalog } from '../../store/catalog.ts'
import { type UnacceptedChange, describeChange } from '../../store/changes.ts'
import { formatSnapshotName } from '../../store/names.ts'
import type { RecordWarning, SnapshotKind, SnapshotRecord } from '../../store/record.ts'
import { programVersion } from '../../system/version.ts'
import type { HoldReport } from '../consumers/hold.ts'
import { judgeConsistency } from '../consumers/judge-consistency.ts'
import type { ActionContext } from '../context.ts'
import { afterFutureField, warnOfClock } from './clock-behind.ts'
import type { VolumeCopy } from './copy-volume.ts'

/** What the record of a snapshot says because it was asked for so. */
export interface RecordOptions {
  kind: SnapshotKind
  comment?: string | undefined
  pinned?: boolean
  labels?: Record<string, string>
}

/** When a snapshot is taken, and among which. */
export interface SnapshotTime {
  startedAt: Date
  /** Of its name. */
  time: Date
  catalog: Catalog
}

/** The record of a snapshot whose volumes have been copied. */
export function makeRecord(
  { clock, config }: ActionContext,
  options: RecordOptions,
  { startedAt, time, catalog }: SnapshotTime,
  held: HoldReport,
  copies: readonly VolumeCopy[],
  changes: readonly UnacceptedChange[],
): SnapshotRecord {
  const judged = judgeConsistency(held.consistency, copies, held.isAsked)
  return {
    schema: 1,
    name: formatSnapshotName(time),
    kind: options.kind,
    program: programVersion,
    startedAt: startedAt.toISOString(),
    finishedAt: clock.now().toISOString(),
    consistency: judged.consistency,
    ...(held.quietMs === undefined ? {} : { quietMs: held.quietMs }),
    ...(held.consumers.length === 0 ? {} : { consumers: held.consumers }),
    ...(held.hooks.length === 0 ? {} : { hooks: [...held.hooks] }),
    volumes: copies.map(({ volume }) => volume),
    ...recordOfAbilities(config.abilities),
    ...afterFutureField(catalog, startedAt),
    warnings: [
      ...warnOfClock(startedAt, time),
      ...held.warnings,
      ...judged.warnings,
      ...copies.flatMap(({ warnings }) => warnings),
      ...changes.map(warnOfChange),
    ],
    comment: options.comment ?? null,
    pinned: options.pinned ?? false,
    labels: options.labels ?? {},
  }
}

function warnOfChange(change: UnacceptedChange): RecordWarning {
  return { code: 'other-data', volume: change.id, message: describeChange(change) }
}
