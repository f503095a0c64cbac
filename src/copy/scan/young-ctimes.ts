/**
 * The kernel's clock for ctimes moves in steps: of up to 10 ms, on some filesystems of a second (ext4 with inodes of 128 bytes,
 * ext3) or two (FAT). The second of two changes within one step has the ctime of the first, so a ctime that is young
 * when it is seen proves nothing later.
 */
const stepNs = 20_000_000n
const secondNs = 1_000_000_000n
const coarsestNs = 2n * secondNs
const nsEachMs = 1_000_000n

/** Far more than a step. */
const youngMs = 100

/**
 * A call of write(2) moves the ctime when it begins, and not again: it may go on for longer with a large file, and while the
 * kernel holds writers back for the disk. No call writes more than 2 GiB.
 */
const longestSmallWriteNs = secondNs
const mostBytesEachCall = 2n ** 31n
const slowestBytesEachSecond = 20_000_000n

/** In ns, from when on ctimes are young to a scan that begins now. */
export function youthBegins(): bigint {
  return BigInt(Date.now() - youngMs) * nsEachMs
}

/** Those of whole seconds are young for longer. */
export function isYoung(ctimeNs: bigint, youngNs: bigint): boolean {
  if (ctimeNs < youngNs - coarsestNs) return false
  return ctimeNs >= youngNs || ctimeNs % secondNs === 0n
}

/** Whether the call that moved the ctime of a file of so many bytes may go on still. */
export function mayBeWritten(ctimeNs: bigint, size: bigint, youngNs: bigint): boolean {
  const bytes = size < mostBytesEachCall ? size : mostBytesEachCall
  return ctimeNs >= youngNs - longestSmallWriteNs - (bytes * secondNs) / slowestBytesEachSecond
}

/** How long changes may go on to have this ctime; 0 for one of the past, or of another clock. */
export function msUntilOutdated(ctimeNs: bigint): number {
  const longestNs = ctimeNs % secondNs === 0n ? coarsestNs : stepNs
  const leftNs = ctimeNs + longestNs - BigInt(Date.now()) * nsEachMs
  // Date.now() is up to a millisecond behind
  return leftNs < 0n || leftNs > longestNs + nsEachMs
    ? 0
    : Math.ceil(Number(leftNs) / Number(nsEachMs))
}
