import type { BytePath } from './byte-path.ts'

/**
 * Paths as bytes, each ended by NUL: what rsync reads with --from0, and what crosses threads in one
 * piece.
 */
export class PathList {
  #buffer = Buffer.allocUnsafe(1024)
  #length = 0
  count = 0

  add(path: BytePath): void {
    this.#reserve(path.length + 1)
    this.#buffer.write(path, this.#length, 'latin1')
    this.#buffer[this.#length + path.length] = 0
    this.#length += path.length + 1
    this.count += 1
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  without(left: ReadonlySet<BytePath>): PathList {
    if (left.size === 0) return this
    const kept = new PathList()
    for (const path of eachPath(this.bytes())) if (!left.has(path)) kept.add(path)
    return kept
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

export function listPaths(paths: Iterable<BytePath>): Buffer {
  const list = new PathList()
  for (const path of paths) list.add(path)
  return list.bytes()
}

/** The paths of a list, one after the other. */
export function* eachPath(list: Uint8Array): Generator<BytePath> {
  const buffer = Buffer.from(list.buffer, list.byteOffset, list.length)
  let start = 0
  for (let end = buffer.indexOf(0); end !== -1; end = buffer.indexOf(0, start)) {
    yield buffer.toString('latin1', start, end)
    start = end + 1
  }
}
