import { OperationError } from '../errors.ts'
import { find } from '../system/find.ts'

/** The inodes below a directory, and what each takes on the disk; one with two names comes twice. */
export interface WalkedInodes {
  inodes: Float64Array
  /** In the same order. */
  bytes: Float64Array
}

const newline = 10
const space = 32
const zero = 48
/** stat(2) counts blocks of 512 bytes, whatever the filesystem has. */
const blockBytes = 512

/**
 * Lists the inodes of a tree, by find(1): a look at each file by Node takes five times as long. What
 * is mounted inside is left out. Throws OperationError where the tree cannot be read.
 */
export async function walkInodes(
  directory: string,
  signal: AbortSignal | undefined,
): Promise<WalkedInodes> {
  const numbers = new NumberReader()
  await find(directory, ['-printf', String.raw`%i %b\n`], {
    signal,
    onOutput: (chunk) => numbers.read(chunk),
  })

  const [inodes, blocks] = numbers.columns()
  if (numbers.isTooLarge) {
    throw new OperationError(
      `the filesystem of ${directory} has inode numbers that are too large to be told apart`,
    )
  }

  return { inodes, bytes: blocks.map((count) => count * blockBytes) }
}

/** Reads two columns of numbers that come in pieces; a text for each would take longer than find. */
class NumberReader {
  isTooLarge = false
  readonly #columns = [new Column(), new Column()] as const
  #column = 0
  #value = 0

  read(chunk: Buffer): void {
    let column = this.#column
    let value = this.#value
    for (const byte of chunk) {
      if (byte === space || byte === newline) {
        if (value > Number.MAX_SAFE_INTEGER) this.isTooLarge = true
        this.#columns[column === 0 ? 0 : 1].push(value)
        column = byte === space ? 1 : 0
        value = 0
      } else {
        value = value * 10 + (byte - zero)
      }
    }
    this.#column = column
    this.#value = value
  }

  columns(): [Float64Array, Float64Array] {
    return [this.#columns[0].take(), this.#columns[1].take()]
  }
}

/** Numbers, one after another, in memory that doubles. */
class Column {
  #numbers = new Float64Array(1024)
  #length = 0

  push(value: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Float64Array(this.#length * 2)
      larger.set(this.#numbers)
      this.#numbers = larger
    }
    this.#numbers[this.#length] = value
    this.#length += 1
  }

  take(): Float64Array {
    return this.#numbers.slice(0, this.#length)
  }
}
