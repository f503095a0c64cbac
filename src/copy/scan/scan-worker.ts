import { parentPort, workerData } from 'node:worker_threads'
import type { BytePath } from '../../system/byte-path.ts'
import { type ScanTask, scanDirectory } from './scan-directory.ts'
import { type ScanReport, ScanReportBuilder } from './scan-report.ts'
import { SourceIndex } from './source-index.ts'

/** What a worker is started with. */
export interface ScanWorkerData extends Omit<ScanTask, 'index'> {
  index: SharedArrayBuffer | undefined
  /** One number: how many workers have nothing to do. */
  idle: SharedArrayBuffer
}

/** From a worker: directories for others to scan, or a report; `done` when it wants more to do. */
export interface ScanMessage {
  report?: ScanReport
  directories?: BytePath[]
  done?: boolean
}

const entriesPerReport = 20_000

if (parentPort !== null) serve(parentPort, workerData as ScanWorkerData)

function serve(port: NonNullable<typeof parentPort>, data: ScanWorkerData): void {
  const idle = new Int32Array(data.idle)
  const task: ScanTask = {
    ...data,
    index: data.index === undefined ? undefined : new SourceIndex(Buffer.from(data.index)),
  }
  const send = (message: ScanMessage): void => port.postMessage(message)

  port.on('message', (path: BytePath) => {
    const pending = [path]
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
  })
}
