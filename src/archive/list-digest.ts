import { createHash } from 'node:crypto'
import type { ListedEntry } from '../diff/list-tree.ts'
import type { BytePath } from '../tree/byte-path.ts'
import { yielding } from '../tree/yielding.ts'

export type Listing = ReadonlyMap<BytePath, ListedEntry>

/** What tar keeps: all but sockets, which are nothing without the process that made them. */
export function isKept({ type }: ListedEntry): boolean {
  return type !== 's'
}

/**
 * The digests of a tree as it is listed: of all, and of names, types, sizes, targets and link groups
 * alone. `list_tree` of restore.sh makes the same lines of what find(1) prints. Others have their
 * turn meanwhile: an archive is being read.
 */
export async function digestListing(
  listing: Listing,
  signal?: AbortSignal,
): Promise<{ listing: string; names: string }> {
  const rows: [key: string, entry: ListedEntry][] = []
  for (const [path, entry] of listing) if (isKept(entry)) rows.push([`${onOneLine(path)}//`, entry])
  rows.sort(([one], [other]) => (one < other ? -1 : 1))

  const first = new Map<string, string>()
  const [all, names] = [new LineHash(), new LineHash()]
  for await (const [key, entry] of yielding(rows, signal)) {
    const known = first.get(entry.inode)
    if (known === undefined) first.set(entry.inode, key)
    const begin = `${key}${(known ?? key).slice(0, -2)} ${entry.type}`
    all.add(`${begin} ${describeAll(entry)}\n`)
    names.add(`${begin} - ${sizeOf(entry)} -${endOf(entry)}\n`)
  }
  return { listing: all.digest(), names: names.digest() }
}

const mostWaiting = 64 * 1024

/** Each update of a hash costs more than a line. */
class LineHash {
  readonly #hash = createHash('sha256')
  #waiting = ''

  add(line: string): void {
    this.#waiting += line
    if (this.#waiting.length < mostWaiting) return
    this.#hash.update(this.#waiting, 'latin1')
    this.#waiting = ''
  }

  digest(): string {
    return this.#hash.update(this.#waiting, 'latin1').digest('hex')
  }
}

function describeAll(entry: ListedEntry): string {
  const { mode, owner, mtime } = entry
  return `${mode} ${owner.replace(':', ' ')} ${sizeOf(entry)} ${mtime}${endOf(entry)}`
}

/** The size of a directory is what its filesystem makes of it. */
function sizeOf({ type, size }: ListedEntry): string {
  return type === 'f' ? size : '-'
}

function endOf({ type, target }: ListedEntry): string {
  return type === 'f' ? '' : ` ${onOneLine(target)}`
}

function onOneLine(text: string): string {
  return text.includes('\n') ? text.replaceAll('\n', '\u0001') : text
}

/**
 * One digest of the contents of all files, of the digest of each: what `sha256sum -z` prints of
 * them, in the order of their paths.
 */
export function digestContents(digests: ReadonlyMap<BytePath, string>): string {
  const lines = Array.from(digests, ([path, digest]) => ({ path: `./${path}`, digest }))
  lines.sort((one, other) => (one.path < other.path ? -1 : 1))
  const hash = createHash('sha256')
  for (const { path, digest } of lines) hash.update(`${digest}  ${path}\0`, 'latin1')
  return hash.digest('hex')
}

/** How many entries tar keeps, and how many bytes their files have, each counted once. */
export function countListing(listing: Listing): { entries: number; bytes: number } {
  const seen = new Set<string>()
  const counted = { entries: 0, bytes: 0 }
  for (const entry of listing.values()) {
    if (!isKept(entry)) continue
    counted.entries += 1
    if (entry.type !== 'f' || seen.has(entry.inode)) continue
    seen.add(entry.inode)
    counted.bytes += Number(entry.size)
  }
  return counted
}
