import { parentPort } from 'node:worker_threads'
import { type BytePath, throughDescriptor } from '../../tree/byte-path.ts'
import { compileExcludes } from '../../tree/excludes.ts'
import { TreeReader } from '../../tree/tree-reader.ts'
import { scanDirectory } from './scan-directory.ts'
import { type ScanReport, ScanReportBuilder, buffersOf } from './report.ts'
import type { ScanSettings, ScanTask } from './scan-task.ts'
import { SourceIndex } from '../index/source-index.ts'

/** What a worker is told first of each scan. */
export interface ScanAssignment extends ScanSettings {
  index: SharedArrayBuffer | undefined
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
  const send = (message: ScanMessage): void =>
    port.postMessage(message, message.report === undefined ? [] : buffersOf(message.report))

  let assignment: ScanAssignment | undefined
  let index: SourceIndex | undefined
  let excludes = compileExcludes([])
  port.on('message', (order: ScanOrder) => {
    if ('assignment' in order) {
      ;({ assignment } = order)
      index = assignment.index && new SourceIndex(Buffer.from(assignment.index))
      excludes = compileExcludes(assignment.exclude)
    } else if (assignment === undefined) throw new Error('there is no scan to take part in')
    else scan(assignment, { index, excludes }, order.directory, send)
  })
}

function scan(
  assignment: ScanAssignment,
  known: Pick<ScanTask, 'index' | 'excludes'>,
  directory: BytePath,
  send: (message: ScanMessage) => void,
): void {
  using readers = new DisposableStack()
  const reader = (root: { descriptor: number } | undefined): TreeReader | undefined =>
    root && readers.use(new TreeReader(throughDescriptor(root.descriptor)))
  const { source, base, staging, racyCutoffNs } = assignment
  const trees = {
    source: readers.use(new TreeReader(throughDescriptor(source.descriptor))),
    base: reader(base),
    origins: reader(base),
    staging: readers.use(new TreeReader(throughDescriptor(staging.descriptor))),
  }

  const task: ScanTask = { ...assignment, ...known, trees }
  const idle = new Int32Array(assignment.idle)

  const pending = [directory]
  let report = new ScanReportBuilder(racyCutoffNs)
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    scanDirectory(task, next, report, (child) => pending.push(child))
    if (pending.length > 1 && Atomics.load(idle, 0) > 0) {
      // the oldest are nearest to the root, and so likely the largest
      send({ directories: pending.splice(0, Math.ceil(pending.length / 2)) })
    }

    if (report.size >= entriesPerReport) {
      send({ report: report.build() })
      report = new ScanReportBuilder(racyCutoffNs)
    }
  }

  send({ report: report.build(), done: true })
}
