import { statfsSync } from 'node:fs'

/** statfs(2): tmpfs and ramfs. */
const magics = [0x01021994, 0x858458f6]

/** Whether files are in memory only: a store into a mapped file never moves its times there. */
export function hasNoWriteback(path: string): boolean {
  return magics.includes(statfsSync(path).type)
}
