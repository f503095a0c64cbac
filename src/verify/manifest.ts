import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { isNotFound } from '../errors.ts'
import type { BytePath } from '../tree/byte-path.ts'

/** Which stored file a path of a snapshot is: by the name of its key (digest-table.ts). */
export type Manifest = Map<BytePath, string>

/**
 * The manifests of a store: a file for each volume of each snapshot, in which every path has its
 * key. The path comes first, both are ended by NUL, and a key is in hexadecimal.
 */
export class Manifests {
  readonly #directory: string
  /** The manifest whose files were last asked for, and the names of each. */
  #last: { path: string; manifest: Manifest; names: Map<string, BytePath[]> } | undefined

  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  }

  has(snapshot: string, volume: string): boolean {
    return existsSync(this.#pathOf(snapshot, volume))
  }

  /** Undefined where there is none yet, or a broken one. */
  read(snapshot: string, volume: string): Manifest | undefined {
    const content = this.#readWhole(snapshot, volume)
    if (content === undefined) return undefined

    const words = content.toString('latin1').split('\0')
    const manifest: Manifest = new Map()
    for (let at = 0; at + 1 < words.length; at += 2) {
      const key = Buffer.from(words[at + 1] ?? '', 'hex').toString('latin1')
      manifest.set(words[at] ?? '', key)
    }
    return manifest
  }

  /** All paths that a file has in a snapshot; quick for one snapshot after the other. */
  namesOf(snapshot: string, volume: string, key: string): readonly BytePath[] {
    return this.#open(snapshot, volume).names.get(key) ?? []
  }

  /** The file that a path was; undefined where none was there. */
  keyAt(snapshot: string, volume: string, path: BytePath): string | undefined {
    return this.#open(snapshot, volume).manifest.get(path)
  }

  /** Writes that all paths of a file are another one now. Throws the error of the system. */
  exchange(snapshot: string, volume: string, before: string, after: string): void {
    const { manifest, names } = this.#open(snapshot, volume)
    const moved = names.get(before)
    if (moved === undefined || before === after) return
    for (const path of moved) manifest.set(path, after)
    names.delete(before)
    names.set(after, [...(names.get(after) ?? []), ...moved])
    this.write(snapshot, volume, manifest)
  }

  #open(snapshot: string, volume: string) {
    const path = this.#pathOf(snapshot, volume)
    if (this.#last?.path === path) return this.#last
    const manifest = this.read(snapshot, volume) ?? new Map<BytePath, string>()
    const names = Map.groupBy(manifest.keys(), (one) => manifest.get(one) ?? '')
    this.#last = { path, manifest, names }
    return this.#last
  }

  /** By one rename. Throws the error of the system. */
  write(snapshot: string, volume: string, manifest: Manifest): void {
    const lines = Array.from(
      manifest,
      ([path, key]) => `${path}\0${Buffer.from(key, 'latin1').toString('hex')}\0`,
    )
    const path = this.#pathOf(snapshot, volume)
    const content = zstdCompressSync(Buffer.from(lines.join(''), 'latin1'))
    writeFileSync(`${path}.new`, content, { mode: 0o600, flush: true })
    renameSync(`${path}.new`, path)
  }

  /** Has a snapshot recorded again by the next look at it. */
  forget(snapshot: string, volume: string): void {
    rmSync(this.#pathOf(snapshot, volume), { force: true })
  }

  /** Forgets those of snapshots that are not there any more. */
  keepOnly(snapshots: ReadonlySet<string>): void {
    for (const name of readdirSync(this.#directory)) {
      const [snapshot = ''] = name.split(':')
      if (!snapshots.has(snapshot)) rmSync(join(this.#directory, name), { force: true })
    }
  }

  #readWhole(snapshot: string, volume: string): Buffer | undefined {
    let content
    try {
      content = readFileSync(this.#pathOf(snapshot, volume))
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }

    try {
      return zstdDecompressSync(content)
    } catch {
      // cut off, or rotten: the snapshot is recorded again
      return undefined
    }
  }

  #pathOf(snapshot: string, volume: string): string {
    return manifestPath(this.#directory, snapshot, volume)
  }
}

/** Where the manifest of a volume of a snapshot is, once it has been read. */
export function manifestPath(directory: string, snapshot: string, volume: string): string {
  return join(directory, `${snapshot}:${volume}`)
}
