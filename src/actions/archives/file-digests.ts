import { existsSync } from 'node:fs'
import { readAttributes } from '../../diff/read-attributes.ts'
import { OperationError } from '../../errors.ts'
import { type BytePath, bytePath, joinPath } from '../../tree/byte-path.ts'
import { digestOf } from '../../tree/digest.ts'
import { yielding } from '../../tree/yielding.ts'
import { DigestTable, nameOf } from '../../verify/digest-table.ts'
import type { ActionContext } from '../context.ts'
import { describeMetadata, keyOf, openStoredTree } from '../inspect/stored-tree.ts'
import type { ArchivedTree } from './archived-tree.ts'

/**
 * SHA-256 of files, each read once for all trees that share it. With `trustsRecorded`, what `verify`
 * has recorded is taken from its table, where the metadata are still those that it recorded.
 */
export class FileDigests {
  readonly #context: ActionContext
  readonly #trustsRecorded: boolean
  readonly #known = new Map<string, string>()

  constructor(context: ActionContext, { trustsRecorded }: { trustsRecorded: boolean }) {
    this.#context = context
    this.#trustsRecorded = trustsRecorded
  }

  /** Of all files of a tree, by path. */
  async of(tree: ArchivedTree): Promise<Map<BytePath, string>> {
    const { signal } = this.#context
    const files = [...tree.entries].filter(([, { type }]) => type === 'f').map(([path]) => path)
    if (this.#trustsRecorded) await this.#takeRecorded(tree, files)

    const found = new Map<BytePath, string>()
    for await (const path of yielding(files, signal)) found.set(path, await this.ofFile(tree, path))
    return found
  }

  async ofFile(tree: ArchivedTree, path: BytePath): Promise<string> {
    const key = this.#keyOf(tree, path)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const file = joinPath(bytePath(tree.handle.here), path)
    const digest = await digestOf(file, this.#context.signal)
    this.#known.set(key, digest)
    return digest
  }

  #keyOf({ device, entries }: ArchivedTree, path: BytePath): string {
    const { inode, size, mtime } = entries.get(path) ?? { inode: '', size: '', mtime: '' }
    return `${device}:${inode}:${size}:${mtime}`
  }

  async #takeRecorded(tree: ArchivedTree, files: readonly BytePath[]): Promise<void> {
    const { store, signal } = this.#context
    const wanted = files.filter((path) => !this.#known.has(this.#keyOf(tree, path)))
    if (wanted.length === 0 || !existsSync(store.digests)) return

    const table = new DigestTable(store.digests)
    const stored = await openStoredTree(tree.handle, this.#context)
    const attributes = await readAttributes(tree.handle.cwd, wanted, signal)
    for (const path of wanted) {
      const entry = stored.entries.get(path)
      if (entry === undefined) continue
      const recorded = table.get(nameOf(keyIfTold(stored, entry)))
      if (recorded === undefined) continue
      const isSame = recorded.metadata === describeMetadata(entry, attributes.get(path))
      if (isSame) this.#known.set(this.#keyOf(tree, path), recorded.content)
    }
  }
}

/** A key that no row has, where the filesystem tells no birth. */
function keyIfTold(...[tree, entry]: Parameters<typeof keyOf>): ReturnType<typeof keyOf> {
  try {
    return keyOf(tree, entry)
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return { inode: 0n, born: 0n, ctime: 0n }
  }
}
