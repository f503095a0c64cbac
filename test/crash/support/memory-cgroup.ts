import { existsSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A memory cgroup (cgroups(7)) whose processes are killed when they want more than there is. */
export interface MemoryCgroup {
  /** A file: the pid that is written to it joins. */
  procs: string
  limit(bytes: number): void
  /** Resolves when all of its processes have ended and it is removed. */
  remove(): Promise<void>
}

const root = '/sys/fs/cgroup'

export function createMemoryCgroup(): MemoryCgroup {
  const isVersion1 = existsSync(join(root, 'memory', 'memory.limit_in_bytes'))
  const directory = mkdtempSync(join(root, isVersion1 ? 'memory' : '', 'snap-volume-test-'))
  const procs = join(directory, 'cgroup.procs')
  return {
    procs,
    limit(bytes) {
      writeFileSync(
        join(directory, isVersion1 ? 'memory.limit_in_bytes' : 'memory.max'),
        `${bytes}`,
      )
    },
    async remove() {
      while (readFileSync(procs, 'utf8') !== '') await sleep(5)
      rmdirSync(directory)
    },
  }
}

/** Why there is no such cgroup here, as one line for `skipBecause`; undefined if there is. */
export async function whyNoMemoryCgroup(): Promise<string | undefined> {
  try {
    const cgroup = createMemoryCgroup()
    try {
      cgroup.limit(1 << 30)
    } finally {
      await cgroup.remove()
    }
    return undefined
  } catch (error) {
    return `no memory cgroup can be made: ${String(error)}`
  }
}
