import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Snapshot } from '../../store/catalog.ts'
import { type BytePath, bytePath } from '../../tree/byte-path.ts'
import { nameOf } from '../../verify/digest-table.ts'
import type { Manifests } from '../../verify/manifest.ts'
import { keyBelow } from './stored-tree.ts'

/** Something in a snapshot is not what it was when it was first read. */
export interface Damage {
  volume: string
  path: BytePath
  what: 'content' | 'metadata' | 'missing' | 'added' | 'replaced'
  /** All that have this damaged file, oldest first. */
  snapshots: string[]
  /** The name of the key of what was there (verify/digest-table.ts); empty where nothing was. */
  key: string
  /** Where a good copy is: the name of a snapshot, or `live`; null where there is none. */
  goodCopy: string | null
  /** What came of the repair that was asked for. */
  repaired?: boolean
  /** Whether it counts as right from now on, where that was asked for. */
  accepted?: boolean
}

/** What a look at snapshots found, a file that several of them have once. */
export class DamageList {
  readonly #found = new Map<string, Damage>()

  /** `key` is that of what was there when it was first read. */
  add(snapshot: string, volume: string, path: BytePath, what: Damage['what'], key = ''): void {
    const id = [volume, path, isOfFile(what) ? key : snapshot].join('\0')
    if (this.#found.has(id)) return
    this.#found.set(id, { volume, path, what, snapshots: [snapshot], key, goodCopy: null })
  }

  /**
   * With all snapshots that have a damaged file under its path, by one look at each manifest, and
   * at the files themselves where there is none yet. `store` is the directory of the store.
   */
  list(snapshots: readonly Snapshot[], manifests: Manifests, store: string): Damage[] {
    const found = [...this.#found.values()]
    for (const [volume, ofVolume] of Map.groupBy(found, (damage) => damage.volume)) {
      for (const { name, path: directory } of snapshots) {
        const manifest = manifests.read(name, volume)
        const root = bytePath(join(directory, volume))
        const keyAt = (path: BytePath): string | undefined => {
          if (manifest !== undefined) return manifest.get(path)
          const key = keyBelow({ root, path }, store)
          return key && nameOf(key)
        }
        for (const { what, path, key, snapshots: having } of ofVolume) {
          const isAsked = isOfFile(what) && key !== '' && !having.includes(name)
          if (isAsked && keyAt(path) === key) having.push(name)
        }
      }
    }

    return found.map((damage) => ({ ...damage, snapshots: damage.snapshots.toSorted() }))
  }
}

/** Whether the file itself is damaged, and so all that have it are; else one snapshot is. */
export function isOfFile(what: Damage['what']): boolean {
  return what === 'content' || what === 'metadata'
}

/** Tells a damaged path from others of its snapshot, in few bytes. */
export function idOf({ volume, path }: Damage): string {
  return createHash('sha256').update(`${volume}\0${path}`, 'latin1').digest('hex').slice(0, 12)
}
