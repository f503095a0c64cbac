import { lstatSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import { mergeReports, type ScanResult } from './scan-result.ts'
import type { BytePath } from '../../system/byte-path.ts'
import type { ScanReport } from './scan-report.ts'
import type { ScanMessage, ScanWorkerData } from './scan-worker.ts'

const mostWorkers = 4

export interface ScanRequest {
  source: number
  base: number | undefined
  staging: number
  /** The index of the scan that `base` was made by. */
  index: Buffer | undefined
  refill: boolean
  /** Ctimes from here on are too young to be relied on. */
  youngNs: bigint
  signal?: AbortSignal | undefined
  onProgress?: (entries: number) => void
}

/**
 * Scans a tree with a worker thread a core. Directories are the unit of work: a worker goes depth first and
 * gives half of what it has left to those that have nothing.
 * Throws what a worker threw; InterruptedError when `signal` aborts.
 */
export async function scanTree(request: ScanRequest): Promise<ScanResult> {
  throwIfInterrupted(request.signal)
  const idle = new Int32Array(new SharedArrayBuffer(4))
  const workers = startWorkers(request, idle.buffer)
  try {
    return mergeReports(await distribute(request, workers, idle))
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

function startWorkers(request: ScanRequest, idle: SharedArrayBuffer): Worker[] {
  const { source, base, staging, refill, youngNs, index } = request
  const { dev } = lstatSync(`/proc/self/fd/${source}/.`, { bigint: true })
  const data: ScanWorkerData = {
    source,
    base,
    staging,
    refill,
    youngNs,
    device: dev,
    idle,
    index: index === undefined ? undefined : share(index),
  }
  const file = import.meta.url.endsWith('.ts') ? './scan-worker.ts' : './scan-worker.js'
  return Array.from(
    { length: Math.min(availableParallelism(), mostWorkers) },
    () => new Worker(new URL(file, import.meta.url), { workerData: data }),
  )
}

function share(content: Buffer): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(content.length)
  Buffer.from(shared).set(content)
  return shared
}

function distribute(
  { signal, onProgress }: ScanRequest,
  workers: readonly Worker[],
  idle: Int32Array,
): Promise<ScanReport[]> {
  return new Promise((resolve, reject) => {
    const reports: ScanReport[] = []
    const free = [...workers]
    const waiting: BytePath[] = ['']
    let entries = 0
    const give = (): void => {
      while (free.length > 0 && waiting.length > 0) free.pop()?.postMessage(waiting.shift())
      Atomics.store(idle, 0, free.length)
      if (free.length === workers.length) resolve(reports)
    }
    const onAbort = (): void => {
      try {
        throwIfInterrupted(signal)
      } catch (error) {
        reject(error)
      }
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    for (const worker of workers) {
      worker.on('error', (error: Error) => reject(asThrown(error)))
      worker.on('message', ({ report, directories, done }: ScanMessage) => {
        if (report !== undefined) {
          reports.push(report)
          const { files, symlinks, specials } = report.counts
          entries += files + symlinks + specials
          onProgress?.(entries)
        }
        for (const directory of directories ?? []) waiting.push(directory)
        if (done === true) free.push(worker)
        give()
      })
    }
    give()
  })
}

/** Of an error that crosses threads the properties stay, and the class does not. */
function asThrown(error: Error): Error {
  if (error.name !== 'OperationError') return error
  return new OperationError(error.message, { cause: error })
}
