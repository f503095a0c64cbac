import { lstatSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { OperationError, throwIfInterrupted } from '../../errors.ts'
import { type BytePath, throughDescriptor } from '../../system/byte-path.ts'
import { listPaths } from './path-list.ts'
import { planMoves } from './plan-moves.ts'
import type { ScanRoot, StagedEntries } from './scan-task.ts'
import type { ScanReport } from './scan-report.ts'
import { type ScanResult, mergeReports, touchedOf, untouchedOf } from './scan-result.ts'
import type { ScanAssignment, ScanMessage, ScanOrder } from './scan-worker.ts'
import { borrowWorkers, returnWorkers } from './scan-workers.ts'
import { SourceIndex, readGeneration } from './source-index.ts'

export interface ScanRequest {
  source: ScanRoot
  base: ScanRoot | undefined
  staging: ScanRoot
  /** The index of the scan that `base` was made by; for what a first pass staged, the index of that pass. */
  index: Buffer | undefined
  /** The tree of a removed snapshot, and what its directories were when it was published. */
  spare: { tree: ScanRoot; seal: Buffer; leastMoved?: number } | undefined
  staged: StagedEntries
  /** The number of the generation that this scan makes. */
  generation: number
  /** Ctimes from here on are too young to be relied on. */
  youngNs: bigint
  signal?: AbortSignal | undefined
  /** Hears each report as it comes. */
  onReport?: (report: ScanReport) => void
}

/** Of the untouched directories that have to be made in staging. */
const mostParts = 64

/**
 * Scans a tree with a worker thread a core. Directories are the unit of work: a worker goes depth first and
 * gives half of what it has left to those that have nothing. With a spare, `moves` of the result are missing in staging.
 * Throws what a worker threw; InterruptedError when `signal` aborts.
 */
export async function scanTree(request: ScanRequest): Promise<ScanResult> {
  const workers = borrowWorkers()
  try {
    const idle = new Int32Array(new SharedArrayBuffer(4))
    const assignment = assign(request, idle.buffer)
    for (const worker of workers) order(worker, { assignment })
    const send = (orders: ScanOrder[]): Promise<ScanReport[]> =>
      distribute(request, workers, idle, orders)
    const reports = await send([{ directory: '' }])
    const result = await resolveUntouched(request, reports, send)
    returnWorkers(workers)
    return result
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.terminate()))
    throw error
  }
}

/** Makes those of the untouched directories in staging that are not moved. */
async function resolveUntouched(
  { index, staged: before, spare }: ScanRequest,
  reports: readonly ScanReport[],
  send: (orders: ScanOrder[]) => Promise<ScanReport[]>,
): Promise<ScanResult> {
  const untouched = untouchedOf(reports)
  if (untouched.size === 0 || index === undefined) return mergeReports(reports)
  const known = new SourceIndex(index)
  const blocksOf = (paths: Iterable<BytePath>): Uint8Array[] =>
    Array.from(paths, (path) => known.block(path))
  if (before === 'base') {
    const result = mergeReports(reports)
    return { ...result, index: [...result.index, ...blocksOf(untouched.keys())] }
  }
  const { moves, moved, staged } = planMoves(untouched, touchedOf(reports), spare?.leastMoved)
  const orders = inParts(staged).map((paths) => ({ untouched: listPaths(paths) }))
  const staging = orders.length === 0 ? [] : await send(orders)
  const result = mergeReports([...reports, ...staging])
  return { ...result, moves, index: [...result.index, ...blocksOf(moved)] }
}

/** For several workers, and for large directories among small ones. */
function inParts(paths: readonly BytePath[]): BytePath[][] {
  const parts: BytePath[][] = []
  const length = Math.ceil(paths.length / mostParts)
  for (let start = 0; start < paths.length; start += length) {
    parts.push(paths.slice(start, start + length))
  }
  return parts
}

function order(worker: Worker | undefined, what: ScanOrder): void {
  worker?.postMessage(what)
}

function assign(
  { source, base, staging, staged, youngNs, index, spare, generation }: ScanRequest,
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
    index: index === undefined ? undefined : share(index),
    spare: isOfChain(spare, index) ? { ...spare, seal: share(spare.seal) } : undefined,
  }
}

/** Whether the index tells of the time since the spare. */
function isOfChain(
  spare: ScanRequest['spare'],
  index: Buffer | undefined,
): spare is NonNullable<ScanRequest['spare']> {
  if (spare === undefined || index === undefined) return false
  const [before, now] = [readGeneration(spare.seal), readGeneration(index)]
  return before.chain === now.chain && before.number <= now.number
}

function share(content: Buffer): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(content.length)
  Buffer.from(shared).set(content)
  return shared
}

/** Has the workers do what is ordered, and the directories that they find. */
async function distribute(
  { signal, onReport }: ScanRequest,
  workers: readonly Worker[],
  idle: Int32Array,
  orders: readonly ScanOrder[],
): Promise<ScanReport[]> {
  throwIfInterrupted(signal)
  const ended = new AbortController()
  const over = ended.signal
  return new Promise<ScanReport[]>((resolve, reject) => {
    const reports: ScanReport[] = []
    const free = [...workers]
    const waiting = [...orders]
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
  return new OperationError(error.message, { cause: error })
}
