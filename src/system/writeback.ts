import { statfsSync } from 'node:fs'

/** statfs(2): tmpfs and ramfs; and overlayfs, which in a container does not tell what it is over. */
const magics = [0x01021994, 0x858458f6, 0x794c7630]

/** Whether files are, or may be, in memory only: a store into a mapped file never moves its times there. */
export function hasNoWriteback(path: string): boolean {
  return magics.includes(statfsSync(path).type)
}
