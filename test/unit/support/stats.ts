import { type BigIntStats, lstatSync } from 'node:fs'

/** What lstat(2) would say of a file with these facts. */
export function statOf(facts: Partial<BigIntStats> = {}): BigIntStats {
  return Object.assign(lstatSync('/dev/null', { bigint: true }), {
    mode: 0o100644n,
    ino: 1n,
    nlink: 1n,
    uid: 0n,
    gid: 0n,
    rdev: 0n,
    size: 0n,
    mtimeNs: 1n,
    ctimeNs: 1n,
    ...facts,
  })
}
