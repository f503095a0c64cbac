import { createCipheriv } from 'node:crypto'

/** Numbers from 0 to 1, the same in every run. */
export type Random = () => number

const poolBytes = 4 * 1024 * 1024

/** mulberry32 */
export function createRandom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A whole number from 0 to `limit` - 1. */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

/** A part of the items, at least one, none twice. */
export function pick<T>(random: Random, items: readonly T[], share: number): T[] {
  const wanted = Math.max(1, Math.round(items.length * share))
  const indexes = new Set<number>()
  while (indexes.size < wanted) indexes.add(below(random, items.length))
  return items.filter((_, index) => indexes.has(index))
}

/** Bytes that cannot be compressed and do not repeat, always the same. */
export function byteStream(): (size: number) => Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  return (size) => cipher.update(Buffer.alloc(size))
}

/** Contents of up to `mostBytes` that cannot be compressed, cut from one pool. */
export function contentSource(random: Random, mostBytes: number): () => Buffer {
  const pool = byteStream()(poolBytes)
  return () => {
    const size = below(random, mostBytes + 1)
    const start = below(random, pool.length - size)
    return pool.subarray(start, start + size)
  }
}
