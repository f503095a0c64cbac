import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cloneTree, surveyForClone } from '../../copy/clone-tree.ts'
import type { DockerClient } from '../../docker/client.ts'
import { OperationError } from '../../errors.ts'
import { type ClonePlaces, type CloneRecord, writeClone } from '../../store/clones.ts'
import { renameDurably, syncFilesystem } from '../../store/durable.ts'
import { moveToTrash } from '../../store/trash.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { type ActionContext, type WriterContext, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'
import { reportProgress } from '../report-progress.ts'
import { removeSnapshots } from '../store/remove.ts'
import { findClient, findStoreOnHost, volumeRequestOf } from './docker-volume.ts'
import { findClone } from './find-source.ts'
import { hasVolume, usersOf } from './list-clones.ts'
import { snapshotClone } from './snapshot-clone.ts'

/**
 * Makes a clone independent of its snapshot, which may go then. All but overlays have data of their
 * own already. An overlay becomes a plain copy, in steps that a crash may come between; the command
 * is to be run again then:
 *
 * 1. what it shows is a snapshot, and that is copied to `data.new`
 * 2. `data.new` becomes `data`: the copy is whole
 * 3. the Docker volume of the overlay is removed: nobody can write what was not copied
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
  await assertUnused(client, name)

  // cut off behind the third step
  const isCopied = existsSync(places.data) && !(await hasVolume(client, name))
  if (!clone.isFlat && !isCopied) await copyOverlay(context, clone, places)

  return asWriter(context, 'flatten a clone', async ({ store }) => {
    await assertUnused(client, name)
    const request = volumeRequestOf((await findStoreOnHost(context, client)).store, {
      ...clone,
      isFlat: true,
    })
    const isReady = clone.isFlat && (await hasVolume(client, name))
    if (!isReady && !(await client.volumes.remove(name))) throw inUse(name, 'a container')
    const flat = markFlat(store, clone)
    if (!isReady) await client.volumes.create(request)
    await moveToTrash(
      store,
      [places.upper, places.work].filter((path) => existsSync(path)),
    )
    return flat
  })
}

async function copyOverlay(
  context: ActionContext,
  { name, volume }: CloneRecord,
  places: ClonePlaces,
): Promise<void> {
  const made = await snapshotClone(context, name, { comment: `to flatten the clone ${name}` })
  try {
    await asWriter(context, 'flatten a clone', async (writer) => {
      const { store } = writer
      const half = `${places.data}.new`
      await moveToTrash(
        store,
        [places.data, half].filter((path) => existsSync(path)),
      )
      try {
        await copyData(writer, join(store.directory, made.name, volume), half, volume)
        await syncFilesystem(half)
        renameDurably(half, places.data)
      } catch (error) {
        throw await explainFailure(error, inStore(store.directory), `${name} is as it was`)
      }
    })
  } finally {
    await removeSnapshots(context, [made.name])
  }
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
