import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { excludesOf } from '../../config/exclude.ts'
import { prelink } from '../../copy/link/prelink.ts'
import { readIndex } from '../../copy/index/read-index.ts'
import { readHeader } from '../../copy/index/header.ts'
import { type Snapshot, readCatalog } from '../../store/catalog.ts'
import { futureFirst } from '../../store/future.ts'
import { type StoreLayout, indexFileName } from '../../store/layout.ts'
import { createOwnDirectories } from '../../store/open.ts'
import {
  createPrelinked,
  discardPrelinked,
  hasPrelinked,
  lockPrelinked,
} from '../../store/prelinked.ts'
import { type ActionContext, deleteTrash } from '../context.ts'

/** The directories take room that others may need: the last tenth is theirs. */
const leastFree = 0.1

/**
 * The newest snapshot, where links to it would be of use for the next one, there are none, and
 * there is room.
 */
export function findModel(store: StoreLayout, now: Date): Snapshot | undefined {
  const newest = futureFirst(readCatalog(store), now).snapshots.at(-1)
  if (newest === undefined || hasPrelinked(store, newest.name) || !hasRoom(store)) return undefined
  return volumesToLink(newest).length === 0 ? undefined : newest
}

function hasRoom({ directory }: StoreLayout): boolean {
  const { blocks, bavail, files, ffree } = statfsSync(directory)
  // of some filesystems inodes have no number
  return bavail >= blocks * leastFree && ffree >= files * leastFree
}

/**
 * Links the newest snapshot in advance, so that the next one takes as long as a scan: what its
 * links cost is paid while nobody waits for it. Others may write the store meanwhile. Given up
 * half-way, it is of use all the same. Throws OperationError when it cannot be done; BusyError when
 * somebody does; InterruptedError.
 */
export async function prelinkSnapshot(context: ActionContext, model: Snapshot): Promise<void> {
  const { store, config, signal } = context
  const lock = await lockPrelinked(store, signal)
  try {
    createOwnDirectories(store)
    await discardPrelinked(store)
    const links = createPrelinked(store, model.name)
    for (const id of volumesToLink(model)) {
      const target = join(links, id)
      mkdirSync(target, 0o700)
      await prelink({
        model: join(model.path, id),
        index: join(model.path, indexFileName(id)),
        target,
        exclude: excludesOf(config.exclude, id),
        lockDescriptor: lock.descriptor,
        signal,
      })
    }
  } finally {
    lock.release()
    await deleteTrash(context)
  }
}

/** Those of which the next snapshot can prove what did not change. */
function volumesToLink({ path, record }: Snapshot): string[] {
  return record.volumes
    .filter(({ id, engine }) => engine === 'link' && provesAnything(join(path, indexFileName(id))))
    .map(({ id }) => id)
}

function provesAnything(index: string): boolean {
  const content = readIndex(index)
  return content !== undefined && readHeader(content).mount !== undefined
}
