import type { ListedEntry } from '../../diff/list-tree.ts'
import { type Attributes, readAttributes } from '../../diff/read-attributes.ts'
import { type BytePath, bytePath } from '../../tree/byte-path.ts'
import { yielding } from '../../tree/yielding.ts'
import { type DigestTable, type FileDigest, nameOf } from '../../verify/digest-table.ts'
import type { Damage } from './damage.ts'
import { type StoredTree, contentOf, describeMetadata, keyOf } from './stored-tree.ts'

/** The files of a store, each looked at once, whichever snapshots have it. */
export class StoredFiles {
  /** How many had no digest yet, and got one. */
  firstRead = 0
  /** How many contents were read. */
  read = 0
  readonly #table: DigestTable
  readonly #samplePercent: number
  readonly #signal: AbortSignal | undefined
  /** What came out, by key. */
  readonly #looked = new Map<string, Damage['what'] | undefined>()

  constructor(table: DigestTable, samplePercent: number, signal: AbortSignal | undefined) {
    this.#table = table
    this.#samplePercent = samplePercent
    this.#signal = signal
  }

  /** What is wrong with some of a tree's files; one that has no digest yet gets one. */
  async lookAt(
    tree: StoredTree,
    paths: readonly BytePath[],
  ): Promise<Map<BytePath, Damage['what']>> {
    const found = new Map<BytePath, Damage['what']>()
    const attributes = await readAttributes(tree.cwd, paths, this.#signal)
    for await (const path of yielding(paths, this.#signal)) {
      const entry = tree.entries.get(path)
      if (entry === undefined) continue
      const what = await this.#lookAtFile(tree, path, entry, attributes.get(path))
      if (what !== undefined) found.set(path, what)
    }
    return found
  }

  async #lookAtFile(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
    attributes: Attributes | undefined,
  ): Promise<Damage['what'] | undefined> {
    const key = keyOf(tree, entry)
    if (this.#looked.has(nameOf(key))) return this.#looked.get(nameOf(key))

    const known = this.#table.get(nameOf(key))
    const what =
      known === undefined
        ? await this.#addDigest(tree, path, entry, attributes)
        : await this.#judge(tree, path, entry, attributes, known)
    this.#looked.set(nameOf(key), what)
    if (this.#looked.size % flushEach === 0) this.#table.flush()
    return what
  }

  async #addDigest(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
    attributes: Attributes | undefined,
  ): Promise<Damage['what'] | undefined> {
    const content = await this.#contentOf(tree, path, entry)
    if (content === undefined) return 'content'
    const key = keyOf(tree, entry)
    this.#table.add(key, { metadata: describeMetadata(entry, attributes), content })
    this.firstRead += 1
    return undefined
  }

  async #judge(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
    attributes: Attributes | undefined,
    known: FileDigest,
  ): Promise<Damage['what'] | undefined> {
    const isSampled = Math.random() * 100 < this.#samplePercent
    if (isSampled && (await this.#contentOf(tree, path, entry)) !== known.content) return 'content'
    return describeMetadata(entry, attributes) === known.metadata ? undefined : 'metadata'
  }

  async #contentOf(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
  ): Promise<string | undefined> {
    if (entry.type === 'f') this.read += 1
    return contentOf(bytePath(tree.here), path, entry, this.#signal)
  }
}

/** What was read since is read again after a crash; each flush copies the table. */
const flushEach = 10_000
