import { parentPort } from 'node:worker_threads'
import type { BytePath } from '../../system/byte-path.ts'
import { eachPath } from './path-list.ts'
import { scanDirectory } from './scan-directory.ts'
import { type ScanReport, ScanReportBuilder, buffersOf } from './scan-report.ts'
import type { ScanRoot, ScanTask } from './scan-task.ts'
import { SourceIndex } from './source-index.ts'
import { stageUntouched } from './untouched.ts'

/** What a worker is told first of each scan. */
export interface ScanAssignment extends Omit<ScanTask, 'index' | 'spare'> {
  index: SharedArrayBuffer | undefined
  spare: { tree: ScanRoot; seal: SharedArrayBuffer } | undefined
  /** One number: how many workers have nothing to do. */
  idle: SharedArrayBuffer
}

/** To a worker: a scan to take part in, a directory of it, or a list of untouched ones to make in staging. */
export type ScanOrder =
  { assignment: ScanAssignment } | { directory: BytePath } | { untouched: Uint8Array }

/** From a worker: directories for others to scan, or a report; `done` when it wants more to do. */
export interface ScanMessage {
  report?: ScanReport
  directories?: BytePath[]
  done?: boolean
}

const entriesPerReport = 20_000

if (parentPort !== null) serve(parentPort)

function serve(port: NonNullable<typeof parentPort>): void {
  const send = (message: ScanMessage): void =>
    port.postMessage(message, message.report === undefined ? [] : buffersOf(message.report))
  let task: ScanTask | undefined
  let idle: Int32Array = new Int32Array(1)
  port.on('message', (order: ScanOrder) => {
    if ('assignment' in order) {
      task = open(order.assignment)
      idle = new Int32Array(order.assignment.idle)
    } else if (task === undefined) throw new Error('there is no scan to take part in')
    else if ('directory' in order) scan(task, order.directory, idle, send)
    else stage(task, order.untouched, send)
  })
}

function open(assignment: ScanAssignment): ScanTask {
  const { index, spare } = assignment
  return {
    ...assignment,
    index: index === undefined ? undefined : new SourceIndex(Buffer.from(index)),
    spare:
      spare === undefined
        ? undefined
        : { ...spare, seal: new SourceIndex(Buffer.from(spare.seal)) },
  }
}

function scan(
  task: ScanTask,
  directory: BytePath,
  idle: Int32Array,
  send: (message: ScanMessage) => void,
): void {
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

function stage(task: ScanTask, untouched: Uint8Array, send: (message: ScanMessage) => void): void {
  const report = new ScanReportBuilder(task.youngNs)
  for (const path of eachPath(untouched)) stageUntouched(task, path, report)
  send({ report: report.build(), done: true })
}
