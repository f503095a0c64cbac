import { lstatSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import { throughDescriptor } from '../../tree/byte-path.ts'
import { type ScanReport, type ScanResult, mergeReports } from './report.ts'
import type { ScanSettings } from './scan-task.ts'
import type { ScanAssignment, ScanMessage, ScanOrder } from './scan-worker.ts'
import { borrowWorkers, returnWorkers } from './scan-workers.ts'

export interface ScanRequest extends Omit<ScanSettings, 'device'> {
  /** What the scan before saw: of the base, or of what a first pass staged. */
  index: Buffer | undefined
  signal?: AbortSignal | undefined
  /** Hears each report as it comes. */
  onReport?: (report: ScanReport) => void
}

/**
 * Scans a tree with a worker thread a core. Directories are the unit of work: a worker goes depth
 * first and gives half of what it has left to those that have nothing. Throws what a worker threw;
 * InterruptedError when `signal` aborts.
 */
export async function scanTree(request: ScanRequest): Promise<ScanResult> {
  const workers = borrowWorkers()
  try {
    const idle = new Int32Array(new SharedArrayBuffer(4))
    const assignment = assign(request, idle.buffer)
    for (const worker of workers) order(worker, { assignment })
    const reports = await distribute(request, workers, idle)
    returnWorkers(workers)
    return mergeReports(reports)
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.terminate()))
    throw error
  }
}

function order(worker: Worker | undefined, what: ScanOrder): void {
  worker?.postMessage(what)
}

function assign(request: ScanRequest, idle: SharedArrayBuffer): ScanAssignment {
  const { signal: _, onReport: __, index, ...settings } = request
  const { dev } = lstatSync(`${throughDescriptor(settings.source.descriptor)}/.`, { bigint: true })

  return {
    ...settings,
    device: dev,
    idle,
    index: index === undefined ? undefined : share(index),
  }
}

function share(content: Buffer): SharedArrayBuffer {
  const { buffer } = content
  if (buffer instanceof SharedArrayBuffer && buffer.byteLength === content.length) return buffer
  const shared = new SharedArrayBuffer(content.length)
  Buffer.from(shared).set(content)
  return shared
}

/** Has the workers scan the root, and the directories that they find. */
async function distribute(
  { signal, onReport }: ScanRequest,
  workers: readonly Worker[],
  idle: Int32Array,
): Promise<ScanReport[]> {
  throwIfInterrupted(signal)
  const ended = new AbortController()
  const over = ended.signal

  return new Promise<ScanReport[]>((resolve, reject) => {
    const reports: ScanReport[] = []
    const free = [...workers]
    const waiting: ScanOrder[] = [{ directory: '' }]
    const give = (): void => {
      for (let next; free.length > 0 && (next = waiting.shift()) !== undefined;) {
        order(free.pop(), next)
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

        for (const directory of directories ?? []) waiting.push({ directory })
        if (done === true) free.push(worker)
        give()
      }

      worker.on('error', onError).on('message', onMessage)
      over.addEventListener('abort', () => worker.off('error', onError).off('message', onMessage))
    }

    give()
  }).finally(() => ended.abort())
}

/** Of an error that crosses threads the properties stay, and the class does not. */
function asThrown(error: Error): Error {
  if (error.name !== 'OperationError') return error
  const { message } = error
  const fix = 'fix' in error && typeof error.fix === 'string' ? error.fix : undefined
  const problem = fix === undefined ? message : message.slice(0, -fix.length - 1).replace(/:$/, '')
  return new OperationError(problem, { cause: error, fix })
}
