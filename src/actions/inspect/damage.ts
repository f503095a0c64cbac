import type { BytePath } from '../../tree/byte-path.ts'
import type { Manifests } from '../../verify/manifest.ts'

/** Something in a snapshot is not what it was when it was first read. */
export interface Damage {
  volume: string
  path: BytePath
  what: 'content' | 'metadata' | 'missing' | 'added' | 'replaced'
  /** All that have this damaged file, oldest first. */
  snapshots: string[]
}

/** What a look at snapshots found, a file that several of them have once. */
export class DamageList {
  readonly #found = new Map<string, { damage: Damage; key: string }>()

  /** `key` is that of a file which others may have too. */
  add(snapshot: string, volume: string, path: BytePath, what: Damage['what'], key = ''): void {
    const isShared = what === 'content' || what === 'metadata'
    const id = [volume, path, isShared ? key : snapshot].join('\0')
    if (this.#found.has(id)) return
    this.#found.set(id, { damage: { volume, path, what, snapshots: [snapshot] }, key })
  }

  /** With all of `names` that have a damaged file under its path, by one look at each manifest. */
  list(names: readonly string[], manifests: Manifests): Damage[] {
    const found = [...this.#found.values()]
    for (const [volume, ofVolume] of Map.groupBy(found, ({ damage }) => damage.volume)) {
      for (const name of names) {
        const manifest = manifests.read(name, volume)
        for (const { damage, key } of ofVolume) {
          const isShared = key !== '' && manifest?.get(damage.path) === key
          if (isShared && !damage.snapshots.includes(name)) damage.snapshots.push(name)
        }
      }
    }

    return found.map(({ damage }) => ({ ...damage, snapshots: damage.snapshots.toSorted() }))
  }
}
