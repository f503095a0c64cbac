import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { listTree } from '../../diff/list-tree.ts'
import { readAttributes } from '../../diff/read-attributes.ts'
import { ProgramError } from '../../errors.ts'
import type { Snapshot } from '../../store/catalog.ts'
import {
  type BytePath,
  bytePath,
  forPrograms,
  isGone,
  nameOf,
  openBelow,
  parentOf,
} from '../../tree/byte-path.ts'
import { type FileDigest, nameOf as nameOfKey } from '../../verify/digest-table.ts'
import type { Manifests } from '../../verify/manifest.ts'
import type { ActionContext } from '../context.ts'
import { type Damage, isOfFile } from './damage.ts'
import { contentOf, describeMetadata, keyBelow } from './stored-tree.ts'

/** What the live data are called among the places of a good copy. */
export const live = 'live'

/** A tree that may have a good copy of a damaged file, and under which path. */
export interface Place {
  /** The name of a snapshot, or `live`. */
  name: string
  /** The directory of the volume. */
  root: string
  path: BytePath
}

export interface FoundPlace extends Place {
  /** What is there, as find(1) calls it. */
  type: string
}

/** How far an entry is what it was when it was first read. */
export interface Likeness {
  type: string
  content: boolean
  metadata: boolean
}

/**
 * Looks for a good copy of what is damaged, under all paths that the damaged one has in its
 * snapshot: in the live data, then in snapshots, the newest first. Good is what has the digest that
 * the damaged one had when it was first read. What is missing, or another file, is looked for where
 * it still is itself before that.
 */
export class GoodCopies {
  readonly #context: ActionContext
  readonly #snapshots: readonly Snapshot[]
  readonly #manifests: Manifests

  constructor(
    context: ActionContext,
    { snapshots, manifests }: { snapshots: readonly Snapshot[]; manifests: Manifests },
  ) {
    this.#context = context
    this.#snapshots = snapshots
    this.#manifests = manifests
  }

  /** Undefined where there is none. */
  async find(damage: Damage, known: FileDigest): Promise<FoundPlace | undefined> {
    const needsContent = damage.what !== 'metadata'
    const needsMetadata = damage.what !== 'content'
    for (const place of this.#placesFor(damage)) {
      const likeness = await lookAtEntry(place.root, place.path, known, this.#context.signal)
      if (likeness === undefined) continue
      if (needsContent && !likeness.content) continue
      if (needsMetadata && !likeness.metadata) continue
      return { ...place, type: likeness.type }
    }
    return undefined
  }

  *#placesFor(damage: Damage): Generator<Place> {
    const { path, key, what, snapshots } = damage
    const others = [...this.#treesOf(damage)]
    const own = others.filter(({ name }) => name === snapshots[0])
    const names = this.#manifests.namesOf(snapshots[0] ?? '', damage.volume, key)
    const paths = new Set([path, ...names])
    if (!isOfFile(what)) {
      for (const place of placesIn(new Set([...own, ...others]), paths)) {
        if (place.name !== live && this.isAt(place, key)) yield place
      }
      yield* placesIn(own, [path])
    }
    yield* placesIn(
      others.filter(({ name }) => !snapshots.includes(name)),
      paths,
    )
  }

  /** Whether the stored file of a key is there. */
  isAt({ root, path }: Omit<Place, 'name'>, key: string): boolean {
    const there = keyBelow({ root: bytePath(root), path }, this.#context.store.directory)
    return there !== undefined && nameOfKey(there) === key
  }

  /** All that have the volume. */
  *#treesOf({ volume }: Damage): Generator<Omit<Place, 'path'>> {
    const path = this.#context.config.volumes.find(({ id }) => id === volume)?.path
    if (path !== undefined) yield { name: live, root: path }
    for (const { name, path: directory, record } of this.#snapshots.toReversed()) {
      if (record.volumes.some(({ id }) => id === volume)) {
        yield { name, root: join(directory, volume) }
      }
    }
  }
}

function* placesIn(
  trees: Iterable<Omit<Place, 'path'>>,
  paths: Iterable<BytePath>,
): Generator<Place> {
  for (const tree of trees) for (const path of paths) yield { ...tree, path }
}

/**
 * Compares what is at a path with what was there once; no link leads out of the root. Undefined
 * where nothing is there.
 */
export async function lookAtEntry(
  root: string,
  path: BytePath,
  known: FileDigest,
  signal: AbortSignal | undefined,
): Promise<Likeness | undefined> {
  const parent = openBelow(bytePath(root), parentOf(path))
  if (parent === undefined) return undefined
  try {
    const cwd = forPrograms(parent)
    const name = nameOf(path)
    const entry = (await listTree(cwd, signal, 1)).get(name)
    if (entry === undefined) return undefined

    const attributes = await readAttributes(cwd, [name], signal)
    return {
      type: entry.type,
      metadata: describeMetadata(entry, attributes.get(name)) === known.metadata,
      content: (await contentOf(cwd, name, entry, signal)) === known.content,
    }
  } catch (error) {
    // it went while it was looked at
    if (isGone(error) || error instanceof ProgramError) return undefined
    throw error
  } finally {
    closeSync(parent)
  }
}
