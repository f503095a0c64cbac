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

/** In ns, from when on ctimes are young to a scan that begins now. */
export function youthBegins(): bigint {
  return BigInt(Date.now() - youngMs) * nsEachMs
}

/** Those of whole seconds are young for longer. */
export function isYoung(ctimeNs: bigint, youngNs: bigint): boolean {
  if (ctimeNs < youngNs - coarsestNs) return false
  return ctimeNs >= youngNs || ctimeNs % secondNs === 0n
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
