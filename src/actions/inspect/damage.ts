import type { BytePath } from '../../tree/byte-path.ts'
import type { Manifests } from '../../verify/manifest.ts'

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

  /** With all of `names` that have a damaged file under its path, by one look at each manifest. */
  list(names: readonly string[], manifests: Manifests): Damage[] {
    const found = [...this.#found.values()]
    for (const [volume, ofVolume] of Map.groupBy(found, (damage) => damage.volume)) {
      for (const name of names) {
        const manifest = manifests.read(name, volume)
        for (const { what, path, key, snapshots } of ofVolume) {
          const isShared = isOfFile(what) && key !== '' && manifest?.get(path) === key
          if (isShared && !snapshots.includes(name)) snapshots.push(name)
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
