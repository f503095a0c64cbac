import { lstatSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import { type BytePath, throughDescriptor } from '../../system/byte-path.ts'
import type { ScanRoot, StagedEntries } from './scan-task.ts'
import type { ScanReport } from './scan-report.ts'
import { type ScanResult, mergeReports } from './scan-result.ts'
import type { ScanAssignment, ScanMessage, ScanOrder } from './scan-worker.ts'
import { borrowWorkers, returnWorkers } from './scan-workers.ts'

export interface ScanRequest {
  source: ScanRoot
  base: ScanRoot | undefined
  staging: ScanRoot
  /** The index of the scan that `base` was made by; for what a first pass staged, the index of that pass. */
  index: Buffer | undefined
  /** Of a spare that is staged: what its directories were when it was published. */
  seal: Buffer | undefined
  staged: StagedEntries
  /** The number of the generation that this scan makes. */
  generation: number
  /** Ctimes from here on are too young to be relied on. */
  youngNs: bigint
  signal?: AbortSignal | undefined
  /** Hears each report as it comes. */
  onReport?: (report: ScanReport) => void
}

/**
 * Scans a tree with a worker thread a core. Directories are the unit of work: a worker goes depth first and
 * gives half of what it has left to those that have nothing.
 * Throws what a worker threw; InterruptedError when `signal` aborts.
 */
export async function scanTree(request: ScanRequest): Promise<ScanResult> {
  throwIfInterrupted(request.signal)
  const workers = borrowWorkers()
  const over = new AbortController()
  try {
    const idle = new Int32Array(new SharedArrayBuffer(4))
    const assignment = assign(request, idle.buffer)
    for (const worker of workers) order(worker, { assignment })
    const result = mergeReports(await distribute(request, workers, idle, over.signal))
    returnWorkers(workers)
    return result
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.terminate()))
    throw error
  } finally {
    over.abort()
  }
}

function order(worker: Worker | undefined, what: ScanOrder): void {
  worker?.postMessage(what)
}

function assign(
  { source, base, staging, staged, youngNs, index, seal, generation }: ScanRequest,
  idle: SharedArrayBuffer,
): ScanAssignment {
  const { dev } = lstatSync(`${throughDescriptor(source.descriptor)}/.`, { bigint: true })
  return {
    source,
    base,
    staging,
    staged,
    youngNs,
    generation,
    device: dev,
    idle,
    index: share(index),
    seal: share(seal),
  }
}

function share(content: Buffer | undefined): SharedArrayBuffer | undefined {
  if (content === undefined) return undefined
  const shared = new SharedArrayBuffer(content.length)
  Buffer.from(shared).set(content)
  return shared
}

function distribute(
  { signal, onReport }: ScanRequest,
  workers: readonly Worker[],
  idle: Int32Array,
  over: AbortSignal,
): Promise<ScanReport[]> {
  return new Promise((resolve, reject) => {
    const reports: ScanReport[] = []
    const free = [...workers]
    const waiting: BytePath[] = ['']
    const give = (): void => {
      for (let next; free.length > 0 && (next = waiting.shift()) !== undefined;) {
        order(free.pop(), { directory: next })
      }
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
    signal?.addEventListener('abort', onAbort, { once: true, signal: over })
    for (const worker of workers) {
      const onError = (error: Error): void => reject(asThrown(error))
      const onMessage = ({ report, directories, done }: ScanMessage): void => {
        if (report !== undefined) {
          reports.push(report)
          onReport?.(report)
        }
        for (const directory of directories ?? []) waiting.push(directory)
        if (done === true) free.push(worker)
        give()
      }
      worker.on('error', onError).on('message', onMessage)
      over.addEventListener('abort', () => worker.off('error', onError).off('message', onMessage))
    }
    give()
  })
}

/** Of an error that crosses threads the properties stay, and the class does not. */
function asThrown(error: Error): Error {
  if (error.name !== 'OperationError') return error
  return new OperationError(error.message, { cause: error })
}
