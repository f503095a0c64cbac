import { OperationError } from '../../errors.ts'
import { findSnapshot, readCatalog } from '../../store/catalog.ts'
import type { CloneRecord } from '../../store/clones.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../../store/restore-journal.ts'
import { isMountPoint, readMounts } from '../../system/mounts.ts'
import { nobodyHeld } from '../consumers/hold.ts'
import { type ActionContext, asWriter } from '../context.ts'
import { codesOf, logged } from '../log-act.ts'
import { writeSnapshot } from '../snapshot/take-snapshot.ts'
import { findClone } from './find-source.ts'
import { mountOfClone, runBesideClone } from './run-beside.ts'

export interface CloneSnapshotOptions {
  comment?: string | undefined
  labels?: Record<string, string>
}

/** The directory that shows a clone here; undefined for an overlay that is not mounted here. */
export function dataOfClone(
  context: Pick<ActionContext, 'store' | 'inImage'>,
  name: string,
): { clone: CloneRecord; data: string | undefined } {
  const { clone, places } = findClone(context, name)
  const mount = mountOfClone(name)
  if (context.inImage && isMountPoint(readMounts(), mount)) return { clone, data: mount }
  const isOverlay = clone.method === 'overlay' && !clone.isFlat
  return { clone, data: isOverlay ? undefined : places.data }
}

/**
 * Makes a snapshot of what a clone holds, which shares unchanged files with the snapshot that the
 * clone was made of: all contents are compared for that. It is no snapshot of the live data, so
 * `latest` and times pass over it. An overlay is read by a container of our own image.
 */
export async function snapshotClone(
  context: ActionContext,
  name: string,
  options: CloneSnapshotOptions,
): Promise<SnapshotRecord> {
  const { clone, data } = dataOfClone(context, name)
  if (data === undefined) return snapshotBeside(context, clone, options)

  const { comment = `of the clone ${name}`, labels = {} } = options
  return logged(
    context,
    { act: 'snapshot', kind: 'clone', volumes: [clone.volume] },
    async () =>
      asWriter(context, 'snapshot of a clone', async (writer) => {
        const { store } = context
        const interrupted = readInterruptedRestore(store)
        if (interrupted !== undefined) throw explainInterruptedRestore(interrupted)
        const cloned = findSnapshot(readCatalog(store), clone.snapshot)
        const { record } = await writeSnapshot(
          writer,
          {
            kind: 'clone',
            comment,
            labels: { ...labels, clone: name },
            allowEmpty: true,
            checksum: true,
            hold: nobodyHeld(),
            ...(cloned && { cloned }),
          },
          [{ id: clone.volume, path: data }],
        )
        return record
      }),
    ({ name: snapshot, warnings }) => ({ snapshot, warnings: codesOf(warnings) }),
  )
}

async function snapshotBeside(
  context: ActionContext,
  { name }: CloneRecord,
  { comment, labels = {} }: CloneSnapshotOptions,
): Promise<SnapshotRecord> {
  const before = new Set(readCatalog(context.store).names)
  const { exitCode, output } = await runBesideClone(context, name, [
    'clone',
    'snapshot',
    name,
    '--json',
    ...(comment === undefined ? [] : [`--message=${comment}`]),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
  ])
  const made = readCatalog(context.store).snapshots.findLast(
    (one) => !before.has(one.name) && one.record.labels['clone'] === name,
  )
  if (made === undefined) {
    throw new OperationError(
      `the clone ${name} could not be read (exit code ${exitCode}): ${output.trim()}`,
    )
  }
  return made.record
}
