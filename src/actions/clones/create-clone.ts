import { mkdirSync } from 'node:fs'
import { cloneTree, surveyForClone } from '../../copy/clone-tree.ts'
import { copyRootAttributes } from '../../copy/programs/root-attributes.ts'
import type { DockerClient } from '../../docker/client.ts'
import type { VolumeRequest } from '../../docker/volumes.ts'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import {
  type ClonePlaces,
  type CloneRecord,
  createCloneDirectory,
  readClone,
  writeClone,
} from '../../store/clones.ts'
import { syncFilesystem } from '../../store/durable.ts'
import type { RecordWarning } from '../../store/record.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../../store/restore-journal.ts'
import { moveToTrash } from '../../store/trash.ts'
import { warnOfRot } from '../../store/verify-state.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { snapshotSubvolume } from '../../system/subvolume.ts'
import { type ActionContext, type WriterContext, asWriter } from '../context.ts'
import { emitWarnings } from '../events.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'
import { reportProgress } from '../report-progress.ts'
import { type CloneCost, chooseMethod, costOf } from './choose-method.ts'
import {
  type StoreOnHost,
  createVolume,
  findClient,
  findStoreOnHost,
  formatVolumeCommand,
  ownerOfVolume,
  removeVolume,
  volumeRequestOf,
} from './docker-volume.ts'
import { type CloneSource, assertCloneName, findParent, findSource } from './find-source.ts'
import { snapshotClone } from './snapshot-clone.ts'

export interface CloneOptions {
  /** A snapshot, or another clone. */
  reference: string
  name: string
  /** The volume; undefined where the snapshot holds one only. */
  volume: string | undefined
  dryRun?: boolean
  /** It is of `prove`, whose names nobody else takes. */
  isProof?: boolean
}

export interface CloneResult {
  clone: CloneRecord
  cost: CloneCost
  /** Whether there is a Docker volume of that name now. */
  hasVolume: boolean
  /** How to make it by hand. */
  command: string
  warnings: RecordWarning[]
}

/** A clone that has been decided. */
interface CloneDecision extends CloneSource {
  clone: CloneRecord
  cost: CloneCost
  client: DockerClient | undefined
  request: VolumeRequest
  warnings: RecordWarning[]
}

/**
 * Makes a writable copy of a volume of a snapshot, and a Docker volume that shows it. The snapshot
 * stays for as long as the clone needs it. A crash leaves a clone that is not finished, which
 * `removeClone` removes. Throws OperationError when there is one of that name already, or a Docker
 * volume.
 */
export async function createClone(
  context: ActionContext,
  options: CloneOptions,
): Promise<CloneResult> {
  assertCloneName(options.name, options.isProof === true)
  const source = await findReadable(context, options)
  if (options.dryRun === true) return resultOf(await decide(context, options, source), false)

  return logged(
    context,
    { act: 'clone', snapshot: source.snapshot.name, volumes: [source.volume] },
    async () =>
      asWriter(context, 'clone', async (writer) => {
        const decision = await decide(context, options, source)
        emitWarnings(context.emit, decision.warnings)
        return make(writer, decision)
      }),
    ({ clone, warnings }) => ({
      snapshot: clone.snapshot,
      kind: clone.method,
      warnings: warnings.map(({ code }) => code),
    }),
  )
}

/**
 * What an overlay shows can be read where it is mounted only, and of a flat clone the snapshot may
 * be gone: it becomes a snapshot first, and the clone is one of that.
 */
async function findReadable(context: ActionContext, options: CloneOptions): Promise<CloneSource> {
  const { reference, volume, dryRun } = options
  const parent = findParent(context, reference)
  const hasData = parent !== undefined && parent.method !== 'overlay' && !parent.isFlat
  if (parent === undefined || hasData || dryRun === true) {
    return findSource(context, reference, volume)
  }
  const { name } = await snapshotClone(context, parent.name, { comment: `for ${options.name}` })
  return { ...findSource(context, name, parent.volume), parent }
}

async function decide(
  context: ActionContext,
  { name }: CloneOptions,
  source: CloneSource,
): Promise<CloneDecision> {
  const { store, clock } = context
  const interrupted = readInterruptedRestore(store)
  if (interrupted !== undefined) throw explainInterruptedRestore(interrupted)
  if (readClone(store, name) !== undefined) {
    throw new OperationError(`there is a clone ${name} already`, {
      fix: `choose another name, or run "snap-volume clone remove ${name}"`,
    })
  }

  const { snapshot, volume, data, parent } = source
  const method = await chooseMethod(data, store.own, contentsOf(source))
  const cost = costOf(method, contentsOf(source))
  const { bytesNow, bytesAtMost } = cost
  const clone: CloneRecord = {
    schema: 1,
    name,
    snapshot: snapshot.name,
    volume,
    of: parent?.name ?? null,
    method,
    cost: { bytesNow, bytesAtMost },
    isFlat: false,
    startedAt: clock.now().toISOString(),
    finishedAt: null,
  }
  const client = await findClient(context)
  const host = await findStoreOnHost(context, client)
  await assertNoVolume(client, name)

  return {
    ...source,
    clone,
    cost,
    client,
    request: volumeRequestOf(host.store, clone),
    warnings: [...warnOfRot(store, snapshot.name), ...warnOfGuess(client, host)],
  }
}

function contentsOf({ snapshot, volume }: CloneSource) {
  return snapshot.record.volumes.find(({ id }) => id === volume)?.contents ?? null
}

async function assertNoVolume(client: DockerClient | undefined, name: string): Promise<void> {
  if ((await client?.volumes.labelsOf(name)) === undefined) return
  throw new OperationError(`there is a Docker volume ${name} already`, {
    fix: 'choose another name for the clone',
  })
}

function warnOfGuess(client: DockerClient | undefined, host: StoreOnHost): RecordWarning[] {
  if (client !== undefined || host.isKnown) return []
  const message = `there is no Docker API, so the paths of the command are those inside of the store's filesystem: put its mount point on the host before them, where that is not /`
  return [{ code: 'host-path', message }]
}

async function make(context: WriterContext, decision: CloneDecision): Promise<CloneResult> {
  const { store, clock } = context
  const { client, request, clone } = decision
  const places = createCloneDirectory(store, clone)
  try {
    await fill(context, decision, places)
    await syncFilesystem(places.directory)
    throwIfInterrupted(context.signal)
    if (client !== undefined) await createVolume(client, request)

    const finished = { ...clone, finishedAt: clock.now().toISOString() }
    writeClone(store, finished)
    return resultOf({ ...decision, clone: finished }, client !== undefined)
  } catch (error) {
    // what a container has already is left to "clone remove"
    const isFree = await isUnused(client, request).catch(() => false)
    if (isFree) await moveToTrash(store, [places.directory])
    throw await explainFailure(error, inStore(store.directory), 'there is no clone')
  }
}

/** Takes away the Docker volume of a clone that could not be made; false where a container has it. */
async function isUnused(
  client: DockerClient | undefined,
  request: VolumeRequest,
): Promise<boolean> {
  if (client === undefined) return true
  const isOurs = (await ownerOfVolume(client, request)) === 'clone'
  return !isOurs || (await removeVolume(client, request))
}

/** Makes what the Docker volume shows. */
async function fill(
  context: WriterContext,
  { clone, data }: CloneDecision,
  places: ClonePlaces,
): Promise<void> {
  const { signal, lock } = context
  using source = openDirectory(data)
  if (clone.method === 'btrfs') {
    await snapshotSubvolume(source.cwd, places.data, { signal, writable: true })
    return
  }

  const isOverlay = clone.method === 'overlay'
  if (isOverlay) mkdirSync(places.work, { mode: 0o700 })
  const target = isOverlay ? places.upper : places.data
  mkdirSync(target, { mode: 0o700 })
  using opened = openDirectory(target)
  const lockDescriptor = lock.descriptor
  if (isOverlay) {
    // an overlay shows its root with the attributes of the upper one
    await copyRootAttributes({ source, staging: opened, lockDescriptor, signal })
    return
  }

  const { entries } = await surveyForClone(source, signal)
  const progress = reportProgress(context, clone.volume)
  await cloneTree({ source, target: opened, lockDescriptor, signal }, entries, progress.onProgress)
  progress.end()
}

function resultOf(
  { clone, cost, request, warnings }: CloneDecision,
  hasVolume: boolean,
): CloneResult {
  return { clone, cost, hasVolume, command: formatVolumeCommand(request), warnings }
}
