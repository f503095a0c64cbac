import { randomBytes } from 'node:crypto'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { statfsSync } from 'node:fs'
import prettyBytes from 'pretty-bytes'
import type { DockerClient } from '../../docker/client.ts'
import { copyContainer } from '../../docker/copy-container.ts'
import { InterruptedError, OperationError, SpaceError, messageOf } from '../../errors.ts'
import { type Snapshot, findSnapshot, readCatalog } from '../../store/catalog.ts'
import { proofPrefix } from '../../store/clones.ts'
import { writeFileDurably } from '../../store/durable.ts'
import { recordFileName } from '../../store/layout.ts'
import { acquireLock } from '../../store/lock.ts'
import { type ProofRecord, type RecordWarning, formatRecord } from '../../store/record.ts'
import { resolveReference } from '../../store/references.ts'
import { createClone } from '../clones/create-clone.ts'
import { findClient, findStoreOnHost } from '../clones/docker-volume.ts'
import { type ActionContext, asWriter } from '../context.ts'
import { emitWarnings } from '../events.ts'
import { logged } from '../log-act.ts'
import { type Provable, type Provables, chooseConsumers } from './choose-consumers.ts'
import { proofLabel, removeProofs } from './remove-left.ts'
import { type Verdict, watchCopy } from './watch-copy.ts'

/** Of what a copy printed, so much of the end is kept. */
const keptOutput = 4096
const mostProcesses = 4096
/** Beside a second time all that the volumes hold. */
const spareBytes = 1024 ** 3

export interface ProveOptions {
  reference: string
  /** For each copy. */
  timeoutMs: number
}

export interface Proved {
  snapshot: string
  proofs: ProofRecord[]
  warnings: RecordWarning[]
}

/**
 * Proves that servers start on a snapshot: a copy of each container that writes its volumes is
 * started on clones of them, without a network, until it is healthy or the time is over. What came
 * of it is in the record of the snapshot. Copies and clones are removed whatever happens; those of a
 * process that was killed by the next command, or by the daemon. Throws BusyError while another one
 * is under way, OperationError where nothing can be proved.
 */
export async function prove(context: ActionContext, options: ProveOptions): Promise<Proved> {
  const client = await findClient(context)
  if (client === undefined) {
    throw new OperationError('there is no Docker API, so no copy of a server can be started', {
      fix: 'see "The Docker API" in docs/databases.md',
    })
  }

  const { store, clock } = context
  const lock = await acquireLock(store.proveLock, { timeoutMs: 0, purpose: 'prove' })
  try {
    await removeProofs(context)
    const snapshot = resolveReference(readCatalog(store), options.reference, clock.now())
    const chosen = await chooseConsumers(context, client, snapshot)
    assertRoom(context, snapshot)
    return await logged(
      context,
      { act: 'prove', snapshot: snapshot.name },
      async () => proveAll(context, client, options, snapshot, chosen),
      ({ proofs }) => ({ warnings: proofs.flatMap(({ outcome }) => failureCode(outcome)) }),
    )
  } finally {
    lock.release()
  }
}

function failureCode(outcome: ProofRecord['outcome']): string[] {
  return outcome === 'failed' ? ['proof-failed'] : []
}

/** A server may write all of its files anew, and the store is not to be filled by that. */
function assertRoom({ store }: ActionContext, snapshot: Snapshot): void {
  const needed = bytesOf(snapshot)
  if (mostBytesOf(store.directory, needed) >= needed) return
  throw new SpaceError(
    `${store.directory} has less to spare than ${snapshot.name} holds (${prettyBytes(needed)}), which a copy of the server may write`,
    { fix: 'free space there, then prove it again' },
  )
}

/** What a copy may take, so that a twentieth of the store stays free. */
function mostBytesOf(directory: string, bytes: number): number {
  const { bavail, bsize, blocks } = statfsSync(directory)
  return Math.min(bytes + spareBytes, (bavail - blocks / 20) * bsize)
}

function bytesOf({ record }: Snapshot): number {
  return record.volumes.reduce((sum, { contents }) => sum + (contents?.bytes ?? 0), 0)
}

async function proveAll(
  context: ActionContext,
  client: DockerClient,
  options: ProveOptions,
  snapshot: Snapshot,
  { provables, onHost }: Provables,
): Promise<Proved> {
  const hostStore = (await findStoreOnHost(context, client)).store.directory
  const proofs: ProofRecord[] = []
  const warnings: RecordWarning[] = []
  for (const provable of provables) {
    const { name } = provable.consumer
    context.emit({ type: 'phase', phase: 'prove', detail: name })
    const proof = await proveOne(context, client, options, snapshot, {
      provable,
      onHost,
      hostStore,
    }).catch((error: unknown) => {
      // what others proved is not lost
      const isLast = provable === provables.at(-1) && proofs.length === 0
      if (!(error instanceof OperationError) || error instanceof InterruptedError || isLast) {
        throw error
      }
      warnings.push({
        code: 'not-tried',
        message: `no copy of ${name} was started: ${error.message}`,
      })
      return undefined
    })
    if (proof === undefined) continue
    proofs.push(proof.record)
    if (proof.leftOut.length > 0) {
      const message = `the copy of ${name} was without ${proof.leftOut.join(', ')}`
      warnings.push({ code: 'not-in-copy', message })
    }
  }
  await keepProofs(context, snapshot.name, proofs)
  emitWarnings(context.emit, warnings)
  return { snapshot: snapshot.name, proofs, warnings }
}

async function proveOne(
  context: ActionContext,
  client: DockerClient,
  options: ProveOptions,
  snapshot: Snapshot,
  {
    provable,
    onHost,
    hostStore,
  }: { provable: Provable; hostStore: string } & Pick<Provables, 'onHost'>,
): Promise<{ record: ProofRecord; leftOut: string[] }> {
  const { store, clock, signal } = context
  const { consumer, info } = provable
  const name = `${proofPrefix}${randomBytes(6).toString('hex')}`
  const startedAt = clock.now()
  try {
    const clones = await cloneVolumes(context, snapshot, consumer.volumes, name)
    const { options: copy, leftOut } = copyContainer(info, {
      name,
      labels: { [proofLabel]: snapshot.name },
      clones,
      volumes: onHost,
      store: hostStore,
      limits: {
        memoryBytes: Math.floor(totalmem() / 2),
        processes: mostProcesses,
      },
    })
    const id = await client.containers.create(copy)
    const { verdict, printed } = await startAndWatch(client, id, async () =>
      watchCopy({
        client,
        provable,
        id,
        clock,
        timeoutMs: options.timeoutMs,
        store: store.directory,
        mostBytes: mostBytesOf(store.directory, bytesOf(snapshot)),
        signal,
      }),
    )

    const record: ProofRecord = {
      container: consumer.name,
      image: info.Config.Image,
      at: startedAt.toISOString(),
      ms: clock.now().getTime() - startedAt.getTime(),
      outcome: verdict.outcome,
      reason: verdict.reason,
      output: (verdict.output ?? printed).slice(-keptOutput),
    }
    return { record, leftOut }
  } finally {
    await removeProofs(context)
  }
}

async function cloneVolumes(
  context: ActionContext,
  snapshot: Snapshot,
  volumes: readonly string[],
  name: string,
): Promise<Map<string, string>> {
  const clones = new Map<string, string>()
  for (const [index, volume] of volumes.entries()) {
    const clone = `${name}-${index}`
    await createClone(context, {
      reference: snapshot.name,
      name: clone,
      volume,
      isProof: true,
    })
    clones.set(volume, clone)
  }
  return clones
}

async function startAndWatch(
  client: DockerClient,
  id: string,
  watch: () => Promise<Verdict>,
): Promise<{ verdict: Verdict; printed: string }> {
  const verdict = await startOrFail(client, id, watch)
  return { verdict, printed: await client.containers.output(id) }
}

/** A copy that cannot be started proves nothing: what is missing may be ours. */
async function startOrFail(
  client: DockerClient,
  id: string,
  watch: () => Promise<Verdict>,
): Promise<Verdict> {
  try {
    await client.start(id)
  } catch (error) {
    throw new OperationError(`a copy of the container could not be started: ${messageOf(error)}`, {
      cause: error,
    })
  }
  return watch()
}

/** Into the record, which is exchanged as a whole; those of other containers stay. */
async function keepProofs(
  context: ActionContext,
  name: string,
  proofs: readonly ProofRecord[],
): Promise<void> {
  await asWriter(context, 'keeping a proof', async ({ store }) => {
    const snapshot = findSnapshot(readCatalog(store), name)
    if (snapshot === undefined) return
    const { path, record } = snapshot
    const isTried = (one: ProofRecord): boolean =>
      proofs.some(({ container }) => container === one.container)
    const others = (record.proofs ?? []).filter((one) => !isTried(one))
    const proved = { ...record, proofs: [...others, ...proofs] }
    writeFileDurably(join(path, recordFileName), formatRecord(proved), 0o644)
  })
}
