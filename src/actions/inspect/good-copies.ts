import { closeSync } from 'node:fs'
import { join } from 'node:path'
import type { VolumeSpec } from '../../config/volume-spec.ts'
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
import type { FileDigest } from '../../verify/digest-table.ts'
import type { Damage } from './damage.ts'
import { contentOf, describeMetadata } from './stored-tree.ts'

/** What the live data are called among the places of a good copy. */
export const live = 'live'

/** A tree that may have a good copy of a damaged file. */
export interface Place {
  /** The name of a snapshot, or `live`. */
  name: string
  /** The directory of the volume. */
  root: string
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
 * Looks for the newest good copy of what is damaged, under the same path: in the live data, then in
 * snapshots, the newest first. Good is what has the digest that the damaged one had when it was
 * first read.
 */
export class GoodCopies {
  readonly #volumes: readonly VolumeSpec[]
  readonly #snapshots: readonly Snapshot[]
  readonly #signal: AbortSignal | undefined

  constructor(
    volumes: readonly VolumeSpec[],
    snapshots: readonly Snapshot[],
    signal: AbortSignal | undefined,
  ) {
    this.#volumes = volumes
    this.#snapshots = snapshots
    this.#signal = signal
  }

  /** Undefined where there is none. */
  async find(damage: Damage, known: FileDigest): Promise<FoundPlace | undefined> {
    const needsContent = damage.what !== 'metadata'
    const needsMetadata = damage.what !== 'content'
    for (const place of this.#placesFor(damage)) {
      const likeness = await lookAtEntry(place.root, damage.path, known, this.#signal)
      if (likeness === undefined) continue
      if (needsContent && !likeness.content) continue
      if (needsMetadata && !likeness.metadata) continue
      return { ...place, type: likeness.type }
    }
    return undefined
  }

  /** Where else the path may be. */
  *#placesFor({ volume, snapshots }: Damage): Generator<Place> {
    const path = this.#volumes.find(({ id }) => id === volume)?.path
    if (path !== undefined) yield { name: live, root: path }
    for (const { name, path: directory, record } of this.#snapshots.toReversed()) {
      if (snapshots.includes(name) || !record.volumes.some(({ id }) => id === volume)) continue
      yield { name, root: join(directory, volume) }
    }
  }
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
