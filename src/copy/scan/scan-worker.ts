import { parentPort } from 'node:worker_threads'
import type { BytePath } from '../../system/byte-path.ts'
import { scanDirectory } from './scan-directory.ts'
import { type ScanReport, ScanReportBuilder } from './scan-report.ts'
import type { ScanTask } from './scan-task.ts'
import { SourceIndex } from './source-index.ts'

/** What a worker is told first of each scan. */
export interface ScanAssignment extends Omit<ScanTask, 'index' | 'seal'> {
  index: SharedArrayBuffer | undefined
  seal: SharedArrayBuffer | undefined
  /** One number: how many workers have nothing to do. */
  idle: SharedArrayBuffer
}

/** To a worker: a scan to take part in, or a directory of it. */
export type ScanOrder = { assignment: ScanAssignment } | { directory: BytePath }

/** From a worker: directories for others to scan, or a report; `done` when it wants more to do. */
export interface ScanMessage {
  report?: ScanReport
  directories?: BytePath[]
  done?: boolean
}

const entriesPerReport = 20_000

if (parentPort !== null) serve(parentPort)

function serve(port: NonNullable<typeof parentPort>): void {
  let scan: ((directory: BytePath) => void) | undefined
  port.on('message', (order: ScanOrder) => {
    if ('assignment' in order)
      scan = prepare(order.assignment, (message) => port.postMessage(message))
    else scan?.(order.directory)
  })
}

function open(content: SharedArrayBuffer | undefined): SourceIndex | undefined {
  return content === undefined ? undefined : new SourceIndex(Buffer.from(content))
}

function prepare(assignment: ScanAssignment, send: (message: ScanMessage) => void) {
  const idle = new Int32Array(assignment.idle)
  const index = open(assignment.index)
  const seal = open(assignment.seal)
  const isOfChain = seal?.generation.chain === index?.generation.chain
  const task: ScanTask = { ...assignment, index, seal: isOfChain ? seal : undefined }
  return (directory: BytePath): void => {
    const pending = [directory]
    let report = new ScanReportBuilder(task.youngNs)
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      scanDirectory(task, next, report, (child) => pending.push(child))
      if (pending.length > 1 && Atomics.load(idle, 0) > 0) {
        // the oldest are nearest to the root, and so likely the largest
        send({ directories: pending.splice(0, Math.ceil(pending.length / 2)) })
      }
      if (report.size >= entriesPerReport) {
        send({ report: report.build() })
        report = new ScanReportBuilder(task.youngNs)
      }
    }
    send({ report: report.build(), done: true })
  }
}
