import { lstatSync } from 'node:fs'
import type { BytePath } from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { isRacy, writeMayBeInFlight } from './proof.ts'
import { readHeader } from './header.ts'
import { type ProvenStat, SourceIndex, proves } from './source-index.ts'
import { TreeReader } from '../../tree/tree-reader.ts'

/** A volume in a snapshot, by what was noted of the live data when it was taken. */
export interface KnownTree {
  tree: string
  /** The content of its index, if there is one. */
  index: Buffer | undefined
  /** Whether it has the inodes and ctimes of its source, as a btrfs snapshot has. */
  keptInodes: boolean
}

/** What a snapshot is known to have of the live data as they are now (copy/index/proof.ts). */
export interface Knowledge extends Disposable {
  tree: TreeReader
  keptInodes: boolean
  /** Whether the snapshot's entry at a path is what a live one with this stat is. */
  has(path: BytePath, live: ProvenStat): boolean
}

/**
 * `mount` is that of the live data. Undefined where nothing can be proven, as when the index is of
 * another tree.
 */
export function openKnowledge(
  known: KnownTree | undefined,
  mount: string | undefined,
): Knowledge | undefined {
  if (known?.index === undefined || mount === undefined) return undefined
  const { mount: seenMount, tree: seenTree, racyCutoffNs } = readHeader(known.index)
  if (mount !== seenMount) return undefined

  using opening = new DisposableStack()
  const handle = opening.use(openDirectory(known.tree))
  const root = lstatSync(`${handle.here}/.`, { bigint: true })
  const isOfTree = root.ino === seenTree.ino && root.ctimeNs === seenTree.ctimeNs
  if (!known.keptInodes && !isOfTree) return undefined

  const tree = opening.use(new TreeReader(handle.here))
  const index = new SourceIndex(known.index)
  const hasKept = (path: BytePath, live: ProvenStat): boolean => {
    const stored = tree.lstat(path)
    return (
      stored?.ino === live.ino &&
      stored.ctimeNs === live.ctimeNs &&
      !isRacy(live.ctimeNs, racyCutoffNs) &&
      !writeMayBeInFlight(live.ctimeNs, live.size, racyCutoffNs)
    )
  }

  const opened = opening.move()
  return {
    tree,
    keptInodes: known.keptInodes,
    has: known.keptInodes ? hasKept : (path, live) => proves(index.entry(path), live),
    [Symbol.dispose]: () => opened.dispose(),
  }
}
