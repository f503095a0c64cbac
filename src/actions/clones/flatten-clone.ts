import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cloneTree, surveyForClone } from '../../copy/clone-tree.ts'
import type { DockerClient } from '../../docker/client.ts'
import type { VolumeRequest } from '../../docker/volumes.ts'
import { OperationError } from '../../errors.ts'
import { type ClonePlaces, type CloneRecord, writeClone } from '../../store/clones.ts'
import { renameDurably, syncFilesystem } from '../../store/durable.ts'
import { moveToTrash } from '../../store/trash.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { type ActionContext, type WriterContext, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'
import { reportProgress } from '../report-progress.ts'
import {
  createVolume,
  findClient,
  findStoreOnHost,
  removeVolume,
  volumeRequestOf,
} from './docker-volume.ts'
import { findClone } from './find-source.ts'
import { usersOf } from './list-clones.ts'
import { endReaders } from './run-beside.ts'
import { withSnapshotOfClone } from './with-snapshot.ts'

/**
 * Makes a clone independent of its snapshot, which may go then. All but overlays have data of their
 * own already. An overlay becomes a plain copy, in steps that a crash may come between; the command
 * is to be run again then:
 *
 * 1. the Docker volume of the overlay is removed: nobody can write what is not copied. Another one,
 *    NAME-flatten, shows it to us
 * 2. what it shows is a snapshot, and that is copied to `data.new`
 * 3. `data.new` becomes `data`: the copy is whole
 * 4. the record says that it is flat: the snapshot may go
 * 5. the Docker volume is made again, of `data`
 */
export async function flattenClone(context: ActionContext, name: string): Promise<CloneRecord> {
  const { clone, places } = findClone(context, name)
  return logged(
    context,
    { act: 'flatten', snapshot: clone.snapshot, volumes: [clone.volume] },
    async () => {
      if (clone.method === 'overlay') return flattenOverlay(context, clone, places)
      return asWriter(context, 'flatten a clone', async ({ store }) => markFlat(store, clone))
    },
    () => ({}),
  )
}

function markFlat(store: ActionContext['store'], clone: CloneRecord): CloneRecord {
  const flat = { ...clone, isFlat: true }
  writeClone(store, flat)
  return flat
}

async function flattenOverlay(
  context: ActionContext,
  clone: CloneRecord,
  places: ClonePlaces,
): Promise<CloneRecord> {
  const { name } = clone
  const client = await findClient(context)
  if (client === undefined) {
    throw new OperationError(`the clone ${name} is an overlay, which only Docker can show`, {
      fix: 'run it where the Docker API is, see "The Docker API" in docs/databases.md',
    })
  }
  await endReaders(client, name)
  await assertUnused(client, name)
  const host = (await findStoreOnHost(context, client)).store
  if (!clone.isFlat) await copyHidden(context, client, volumeRequestOf(host, clone), clone, places)

  return asWriter(context, 'flatten a clone', async ({ store }) => {
    const flat = markFlat(store, clone)
    await createVolume(client, volumeRequestOf(host, flat))
    await moveToTrash(
      store,
      [places.upper, places.work].filter((path) => existsSync(path)),
    )
    return flat
  })
}

/** Copies what an overlay shows while nobody else can mount it. Else it is as it was. */
async function copyHidden(
  context: ActionContext,
  client: DockerClient,
  request: VolumeRequest,
  clone: CloneRecord,
  places: ClonePlaces,
): Promise<void> {
  const { name } = clone
  const hidden = { ...request, name: `${name}-flatten` }
  for (const one of [request, hidden]) {
    if (!(await removeVolume(client, one))) throw inUse(name, 'a container')
  }
  try {
    await createVolume(client, hidden)
    try {
      await copyOverlay(context, clone, places, hidden)
    } finally {
      await endReaders(client, name)
      await removeVolume(client, hidden)
    }
  } catch (error) {
    await createVolume(client, request)
    throw error
  }
}

async function copyOverlay(
  context: ActionContext,
  { name, volume: id }: CloneRecord,
  places: ClonePlaces,
  volume: VolumeRequest,
): Promise<void> {
  const comment = `to flatten the clone ${name}`
  await withSnapshotOfClone(context, name, { comment, volume }, async (made) =>
    asWriter(context, 'flatten a clone', async (writer) => {
      const { store } = writer
      const half = `${places.data}.new`
      await moveToTrash(
        store,
        [places.data, half].filter((path) => existsSync(path)),
      )
      try {
        await copyData(writer, join(store.directory, made.name, id), half, id)
        await syncFilesystem(half)
        renameDurably(half, places.data)
      } catch (error) {
        throw await explainFailure(error, inStore(store.directory), `${name} is as it was`)
      }
    }),
  )
}

async function copyData(
  context: WriterContext,
  from: string,
  to: string,
  volume: string,
): Promise<void> {
  const { signal, lock } = context
  mkdirSync(to, { mode: 0o700 })
  using source = openDirectory(from)
  using target = openDirectory(to)
  const { entries } = await surveyForClone(source, signal)
  const progress = reportProgress(context, volume)
  const request = { source, target, lockDescriptor: lock.descriptor, signal }
  await cloneTree(request, entries, progress.onProgress)
  progress.end()
}

async function assertUnused(client: DockerClient, name: string): Promise<void> {
  const users = await usersOf(client, name)
  if (users.length > 0) throw inUse(name, users.map((user) => user.name).join(', '))
}

function inUse(name: string, who: string): OperationError {
  return new OperationError(`the clone ${name} is not flattened: ${who} has it;`, {
    fix: 'remove those containers first, they can be made again afterwards',
  })
}
