import { find } from '../system/find.ts'
import type { BytePath } from '../tree/byte-path.ts'

/** What find(1) shows of an entry; all of it is text, and compared as that. */
export interface ListedEntry {
  /** A letter, as find has it: f, d, l, p, s, b, c. */
  type: string
  inode: string
  size: string
  mode: string
  /** Numbers of user and group. */
  owner: string
  /** Seconds, with nine or more digits of fraction. */
  mtime: string
  ctime: string
  /** Of a symbolic link. */
  target: BytePath
}

const fields = ['%P', '%y', '%i', '%s', '%m', '%U:%G', '%T@', '%C@', '%l'] as const

/**
 * Lists a tree, by path, down to `depth` where it is given; its root is the empty path, and what is
 * mounted inside is left out. By
 * find(1): a look at each file by Node takes five times as long. Throws ProgramError where something
 * cannot be read.
 */
export async function listTree(
  directory: string,
  signal: AbortSignal | undefined,
  depth?: number,
): Promise<Map<BytePath, ListedEntry>> {
  const entries = new Map<BytePath, ListedEntry>()
  let rest = ''
  const read = (chunk: Buffer): void => {
    const words = (rest + chunk.toString('latin1')).split('\0')
    const whole = words.length - 1 - ((words.length - 1) % fields.length)
    for (let at = 0; at < whole; at += fields.length) {
      entries.set(words[at] ?? '', entryOf(words, at))
    }
    rest = words.slice(whole).join('\0')
  }

  const format = fields.map((field) => String.raw`${field}\0`).join('')
  const bounded = depth === undefined ? [] : ['-maxdepth', `${depth}`]
  await find(directory, [...bounded, '-printf', format], { signal, onOutput: read })
  return entries
}

function entryOf(words: readonly string[], at: number): ListedEntry {
  const word = (place: number): string => words[at + place] ?? ''
  return {
    type: word(1),
    inode: word(2),
    size: word(3),
    mode: word(4),
    owner: word(5),
    mtime: word(6),
    ctime: word(7),
    target: word(8),
  }
}

/** The nanoseconds of a time as find(1) prints it, with ten digits of a second. */
export function nanosecondsOf(time: string): bigint {
  const [seconds = '0', fraction = ''] = time.split('.')
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}
