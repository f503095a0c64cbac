import { type BytePath, parentOf } from './byte-path.ts'

/** Some paths of a tree, each with all that is in it. */
export class Selection {
  readonly paths: readonly BytePath[]
  readonly #chosen: ReadonlySet<BytePath>
  readonly #above = new Set<BytePath>()

  /** The empty path is the root, and all there is. */
  constructor(paths: Iterable<BytePath>) {
    this.#chosen = new Set(paths)
    this.paths = [...this.#chosen]
    for (const path of this.paths) {
      for (let one = path; one !== ''; one = parentOf(one)) this.#above.add(parentOf(one))
    }
  }

  /** Whether a path is chosen, or in a directory that is. */
  covers(path: BytePath): boolean {
    for (let one = path; one !== ''; one = parentOf(one)) if (this.#chosen.has(one)) return true
    return this.#chosen.has('')
  }

  /** Whether it is a directory on the way to one that is. */
  leadsTo(path: BytePath): boolean {
    return this.#above.has(path)
  }
}
