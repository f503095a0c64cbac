import { closeSync } from 'node:fs'
import { OperationError } from '../../errors.ts'
import { type BytePath, openBelow, throughDescriptor } from '../../system/byte-path.ts'
import type { Place, ScanRoot, ScanTask, SourcePlace } from './scan-task.ts'
import { makeDirectories } from './stage-entry.ts'

/** Longer paths cost more than the way through a descriptor, and very long ones are refused. */
const longestDirectPath = 400

/** One directory in the trees of a scan, opened in each when it is asked for. */
export class OpenPlace {
  readonly #task: ScanTask
  readonly #path: BytePath
  readonly #opened: number[] = []

  constructor(task: ScanTask, path: BytePath) {
    this.#task = task
    this.#path = path
  }

  /** Undefined when it is not there any more. */
  source(): SourcePlace | undefined {
    const source = this.#open(this.#task.source)
    if (source === undefined) return undefined
    return { path: this.#path, source, sourceEntries: this.#direct(this.#task.source) ?? source }
  }

  /** To look at only: others may lead it elsewhere. */
  spare(tree: ScanRoot): BytePath | undefined {
    return this.#direct(tree) ?? this.#open(tree)
  }

  base(): BytePath | undefined {
    return this.#task.base === undefined ? undefined : this.#open(this.#task.base)
  }

  /** Makes it where nobody has yet. */
  staging(): BytePath {
    // without a spare it was made with the directory above it
    const direct = this.#direct(this.#task.staging)
    if (this.#task.spare !== undefined) makeDirectories(this.#task.staging, this.#path, direct)
    // what the base has may be a link, where the source has a directory by now
    const isTrusted = this.#task.staged !== 'base'
    const staging = (isTrusted ? direct : undefined) ?? this.#open(this.#task.staging)
    if (staging !== undefined) return staging
    throw new OperationError('somebody else changed the snapshot while it was taken: take it again')
  }

  everywhere(source: SourcePlace): Place {
    return { ...source, base: this.base(), staging: this.staging() }
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#opened) closeSync(descriptor)
  }

  #open(root: ScanRoot): BytePath | undefined {
    const descriptor = openBelow(throughDescriptor(root.descriptor), this.#path)
    if (descriptor === undefined) return undefined
    this.#opened.push(descriptor)
    return throughDescriptor(descriptor)
  }

  #direct(root: ScanRoot): BytePath | undefined {
    const direct = this.#path === '' ? root.path : `${root.path}/${this.#path}`
    return direct.length <= longestDirectPath ? direct : undefined
  }
}
