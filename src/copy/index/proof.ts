import type { BigIntStats } from 'node:fs'
import type { KeptTimes } from '../../system/kept-times.ts'

/**
 * What proves a file unchanged (docs/internals/change-detection.md). An entry of the source is the
 * one that an earlier scan saw when
 *
 * 1. the index of that scan has its inode, ctime, size and mtime (copy/index/source-index.ts),
 * 2. the index is of the same mounted filesystem (system/mounted-filesystem.ts), which is one whose
 *    ctime is a change time,
 * 3. the ctime was not racy when it was seen: a later change would have got another one,
 * 4. and what is linked or kept for it looks the same by lstat(2).
 *
 * Rule 4 is about the snapshot, into which somebody may have written; the others are about the
 * source.
 */

/**
 * The kernel's clock for ctimes moves in steps: of up to 10 ms, on some filesystems of a second
 * (ext4 with inodes of 128 bytes, ext3). The second of two changes within one step has the ctime of
 * the first.
 */
const stepNs = 20_000_000n
const secondNs = 1_000_000_000n
const coarsestNs = 2n * secondNs
const nsEachMs = 1_000_000n

/** Far more than a step. */
const racyMs = 100

/**
 * A call of write(2) moves the ctime when it begins, and not again: it may go on for longer with a
 * large file, and while the kernel holds writers back for the disk. No call writes more than 2 GiB.
 */
const longestSmallWriteNs = secondNs
const mostBytesEachCall = 2n ** 31n
const slowestBytesEachSecond = 20_000_000n

/** In ns: ctimes from here on are racy to a look that begins now. */
export function racyCutoff(): bigint {
  return BigInt(Date.now() - racyMs) * nsEachMs
}

/**
 * Whether a change that follows the look could get this ctime again. Those of whole seconds are
 * racy for longer.
 */
export function isRacy(ctimeNs: bigint, racyCutoffNs: bigint): boolean {
  if (ctimeNs < racyCutoffNs - coarsestNs) return false
  return ctimeNs >= racyCutoffNs || ctimeNs % secondNs === 0n
}

/** Whether the call that moved the ctime of a file of so many bytes may go on still. */
export function writeMayBeInFlight(ctimeNs: bigint, size: bigint, racyCutoffNs: bigint): boolean {
  const bytes = size < mostBytesEachCall ? size : mostBytesEachCall
  return ctimeNs >= racyCutoffNs - longestSmallWriteNs - (bytes * secondNs) / slowestBytesEachSecond
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

/**
 * A time as such a filesystem keeps it: the kernel cuts it off at its range, without a fraction
 * there, and rounds it down (timestamp_truncate).
 */
export function asKept(timeNs: bigint, { stepNs, earliestNs, latestNs }: KeptTimes): bigint {
  if (timeNs < earliestNs + secondNs) return earliestNs
  if (timeNs >= latestNs) return latestNs
  const beyond = timeNs % stepNs
  return timeNs - (beyond < 0n ? beyond + stepNs : beyond)
}

/** Whether a stored entry is by lstat(2) what the source is: type, mode, owner, mtime, and size. */
export function looksSame(source: BigIntStats, stored: BigIntStats, times: KeptTimes): boolean {
  return (
    source.mode === stored.mode &&
    source.uid === stored.uid &&
    source.gid === stored.gid &&
    source.rdev === stored.rdev &&
    isOfSameSize(source, stored) &&
    (source.mtimeNs === stored.mtimeNs || asKept(source.mtimeNs, times) === stored.mtimeNs)
  )
}

/**
 * Whether two files or two links have as much in them; of others the size tells nothing: on ntfs-3g
 * a device has 24 bytes.
 */
export function isOfSameSize(source: BigIntStats, stored: BigIntStats): boolean {
  return !(source.isFile() || source.isSymbolicLink()) || source.size === stored.size
}
