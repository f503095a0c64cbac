import type { Run } from './run.ts'

/** So many can still be read, for so long: clients come back within a minute. */
const mostEnded = 32
const keptMs = 300_000

/** What all of them printed takes no more; the last one is kept whatever it takes. */
const mostBytes = 16 * 1024 * 1024

/**
 * The commands that ended lately, the oldest first. Nothing here holds on to one that has been
 * dropped.
 */
export interface EndedRuns {
  /** Drops the oldest ones that are too many, or take too much. */
  add(run: Run): void
  find(id: string): Run | undefined
  list(): Run[]
}

export function createEndedRuns(): EndedRuns {
  const kept = new Map<string, { run: Run; timer: NodeJS.Timeout }>()
  let bytes = 0

  function drop(id: string): void {
    const found = kept.get(id)
    if (found === undefined) return
    clearTimeout(found.timer)
    kept.delete(id)
    bytes -= found.run.keptBytes
  }

  return {
    add(run) {
      const { id } = run
      kept.set(id, { run, timer: setTimeout(() => drop(id), keptMs).unref() })
      bytes += run.keptBytes

      for (const oldest of kept.keys()) {
        if (oldest === id || (kept.size <= mostEnded && bytes <= mostBytes)) return
        drop(oldest)
      }
    },
    find: (id) => kept.get(id)?.run,
    list: () => [...kept.values()].map(({ run }) => run),
  }
}
