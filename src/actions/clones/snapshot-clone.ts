import { OperationError } from '../../errors.ts'
import type { VolumeRequest } from '../../docker/volumes.ts'
import { findSnapshot, readCatalog } from '../../store/catalog.ts'
import type { CloneRecord } from '../../store/clones.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../../store/restore-journal.ts'
import { isMountPoint, readMounts } from '../../system/mounts.ts'
import { nobodyHeld } from '../consumers/hold.ts'
import { type ActionContext, asWriter } from '../context.ts'
import { codesOf, logged } from '../log-act.ts'
import { writeSnapshot } from '../snapshot/take-snapshot.ts'
import { findClient, findStoreOnHost, volumeRequestOf } from './docker-volume.ts'
import { findClone } from './find-source.ts'
import { mountOfClone, runBesideClone } from './run-beside.ts'

export interface CloneSnapshotOptions {
  comment?: string | undefined
  labels?: Record<string, string>
  /** What shows an overlay, where that is not the Docker volume of its name. */
  volume?: VolumeRequest
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
            cloned,
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
  clone: CloneRecord,
  options: CloneSnapshotOptions,
): Promise<SnapshotRecord> {
  const { name } = clone
  const { comment, labels = {} } = options
  const before = new Set(readCatalog(context.store).names)
  const words = [
    'clone',
    'snapshot',
    name,
    '--json',
    ...(comment === undefined ? [] : [`--message=${comment}`]),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
  ]
  const host = await findStoreOnHost(context, await findClient(context))
  const { volume = volumeRequestOf(host.store, clone) } = options
  const { exitCode, output } = await runBesideClone(context, clone, words, volume)
  const made = readCatalog(context.store).snapshots.findLast(
    (one) => !before.has(one.name) && one.record.labels['clone'] === name,
  )
  if (made === undefined) {
    throw new OperationError(
      `the clone ${name} could not be read (exit code ${exitCode}): ${lastMessageOf(output)}`,
    )
  }
  return made.record
}

/** Of JSON lines, or of what came in their place. */
function lastMessageOf(output: string): string {
  const last = output.trim().split('\n').at(-1) ?? ''
  try {
    return (JSON.parse(last) as { message?: string }).message ?? last
  } catch {
    return last
  }
}
