import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { type Listing, isKept } from '../../archive/list-digest.ts'
import type { PlannedTree } from '../../archive/plan-archive.ts'
import { type ListedEntry, listTree } from '../../diff/list-tree.ts'
import { readAttributes } from '../../diff/read-attributes.ts'
import type { Snapshot } from '../../store/catalog.ts'
import type { DirectoryHandle } from '../../tree/directory-handle.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import type { ActionContext } from '../context.ts'

/** A volume of a snapshot that is read, while it is open. */
export interface ArchivedTree extends Disposable {
  snapshot: Pick<Snapshot, 'path'>
  handle: DirectoryHandle
  /** Of its filesystem. */
  device: bigint
  entries: Listing
}

/** Lists it. Throws OperationError where something cannot be read. */
export async function openArchivedTree(
  { signal }: Pick<ActionContext, 'signal'>,
  snapshot: Pick<Snapshot, 'path'>,
  volume: string,
): Promise<ArchivedTree> {
  using opening = new DisposableStack()
  const handle = opening.use(openDirectory(join(snapshot.path, volume)))
  const device = lstatSync(`${handle.here}/.`, { bigint: true }).dev
  const entries = await listTree(handle.cwd, signal)
  const opened = opening.move()
  return { snapshot, handle, device, entries, [Symbol.dispose]: () => opened.dispose() }
}

/** Both trees as they are planned; of subvolumes inode and ctime of an unchanged file are kept. */
export async function planned(
  trees: { before: ArchivedTree; after: ArchivedTree },
  signal: AbortSignal | undefined,
): Promise<{ before: PlannedTree; after: PlannedTree }> {
  const { before, after } = trees
  const identityOf =
    before.device === after.device
      ? ({ inode }: ListedEntry) => inode
      : ({ inode, ctime, size, type }: ListedEntry) => `${inode}:${ctime}:${size}:${type}`

  const plannedOf = async ({ entries, handle }: ArchivedTree): Promise<PlannedTree> => {
    const directories = [...entries].filter(([, { type }]) => type === 'd').map(([path]) => path)
    const attributes = await readAttributes(handle.cwd, directories, signal)
    return { entries, attributes, identityOf }
  }
  return { before: await plannedOf(before), after: await plannedOf(after) }
}

/** How many names each file of a tree has in it. */
export function countNames(entries: Listing): Map<string, number> {
  const counts = new Map<string, number>()
  for (const entry of entries.values()) {
    if (!isKept(entry)) continue
    counts.set(entry.inode, (counts.get(entry.inode) ?? 0) + 1)
  }
  return counts
}
