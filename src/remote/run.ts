import { randomUUID } from 'node:crypto'
import type { RunLine } from './protocol.ts'

/** Of what a run prints, so much is kept for those who read slowly, or come back. */
const mostBytes = 4 * 1024 * 1024

/** What a line takes beside its text. */
const lineOverhead = 100

/**
 * A command that runs for a client, or has; it goes on when the client is gone
 * (docs/internals/remote-runs.md).
 */
export class Run {
  readonly id = randomUUID()
  readonly command: string
  readonly startedAt: string
  /** Whether it prints lines of JSON and nothing else. */
  readonly isForPrograms: boolean
  readonly #lines: RunLine[]
  /** So many lines before are not kept any more. */
  #dropped = 0
  #bytes = 0
  #exitCode: number | undefined
  #changed = Promise.withResolvers<void>()

  constructor(command: string, startedAt: Date, isForPrograms: boolean) {
    this.command = command
    this.startedAt = startedAt.toISOString()
    this.isForPrograms = isForPrograms
    this.#lines = [{ type: 'run', id: this.id, command, startedAt: this.startedAt }]
  }

  /** Undefined while it runs. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  /** What its lines take that are kept. */
  get keptBytes(): number {
    return this.#bytes
  }

  print(stream: 'stdout' | 'stderr', text: string): void {
    this.#append({ type: stream, text })
  }

  /** Has the client send each key as it is typed, or each line. */
  readKeys(on: boolean): void {
    this.#append({ type: 'keys', on })
  }

  finish(exitCode: number): void {
    this.#exitCode = exitCode
    this.#append({ type: 'exit', exitCode })
  }

  /** Everything from a line on, counted from 0, as it comes, until the run has ended. */
  async *follow(from: number): AsyncGenerator<RunLine, void> {
    let next = from
    for (;;) {
      if (next < this.#dropped) {
        yield { type: 'skipped', lines: this.#dropped - next }
        next = this.#dropped
      }

      const line = this.#lines[next - this.#dropped]
      if (line === undefined) {
        if (this.#exitCode !== undefined) return
        await this.#changed.promise
        continue
      }

      next += 1
      yield line
    }
  }

  #append(line: RunLine): void {
    this.#lines.push(line)
    this.#bytes += sizeOf(line)
    if (this.#bytes > mostBytes) this.#dropOldest()
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }

  /** A quarter at a time, because a list is not shortened at its beginning for nothing. */
  #dropOldest(): void {
    let count = 0
    while (this.#bytes > (mostBytes * 3) / 4 && count < this.#lines.length - 1) {
      this.#bytes -= sizeOf(this.#lines[count])
      count += 1
    }

    this.#lines.splice(0, count)
    this.#dropped += count
  }
}

function sizeOf(line: RunLine | undefined): number {
  return lineOverhead + (line !== undefined && 'text' in line ? Buffer.byteLength(line.text) : 0)
}
