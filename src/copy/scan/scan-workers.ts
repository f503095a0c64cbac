import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

const mostWorkers = 4
const idleMs = 3000

/** What a scan makes lives as long as the scan: a large nursery is memory for nothing. */
const mostYoungMegabytes = 4

let waiting: Worker[] = []
let dismissal: NodeJS.Timeout | undefined

/**
 * Starts the threads of the next scan, so that they are ready when it begins. They keep no process
 * alive.
 */
export function warmUpWorkers(): void {
  returnWorkers(borrowWorkers())
}

/** A worker thread a core, which waits for its task. */
export function borrowWorkers(): Worker[] {
  clearTimeout(dismissal)
  const workers = waiting.length > 0 ? waiting : startWorkers()
  waiting = []
  for (const worker of workers) worker.ref()
  return workers
}

/**
 * Takes back workers that have nothing to do; the next scan has them if it begins soon. Those of
 * one scan are enough.
 */
export function returnWorkers(workers: Worker[]): void {
  if (waiting.length > 0) {
    for (const worker of workers) void worker.terminate()
    return
  }

  for (const worker of workers) worker.unref()
  waiting = workers
  dismissal = setTimeout(() => {
    for (const worker of waiting) void worker.terminate()
    waiting = []
  }, idleMs).unref()
}

function startWorkers(): Worker[] {
  const file = import.meta.url.endsWith('.ts') ? './scan-worker.ts' : './scan-worker.cjs'
  return Array.from(
    { length: Math.min(availableParallelism(), mostWorkers) },
    () =>
      new Worker(new URL(file, import.meta.url), {
        resourceLimits: { maxYoungGenerationSizeMb: mostYoungMegabytes },
      }),
  )
}
