import { randomUUID } from 'node:crypto'
import type { RunLine } from './protocol.ts'

/** Of what a run prints, so much is kept for those who read slowly, or come back. */
const mostBytes = 4 * 1024 * 1024

/** What a line takes beside its text. */
const lineOverhead = 100

/** A command that runs for a client, or has; it goes on when the client is gone. */
export interface Run {
  readonly id: string
  readonly command: string
  readonly startedAt: string
  /** Whether it prints lines of JSON and nothing else. */
  readonly isForPrograms: boolean
  /** Undefined while it runs. */
  readonly exitCode: number | undefined
  /** What its lines take that are kept. */
  readonly keptBytes: number
  print(stream: 'stdout' | 'stderr', text: string): void
  /** Has the client send each key as it is typed, or each line. */
  readKeys(on: boolean): void
  finish(exitCode: number): void
  /** Everything from a line on, counted from 0, as it comes, until the run has ended. */
  follow(from: number): AsyncGenerator<RunLine, void>
}

export function createRun(command: string, startedAt: Date, isForPrograms: boolean): Run {
  const id = randomUUID()
  const lines: RunLine[] = [{ type: 'run', id, command, startedAt: startedAt.toISOString() }]
  let dropped = 0
  let bytes = 0
  let exitCode: number | undefined
  let changed = Promise.withResolvers<void>()

  function append(line: RunLine): void {
    lines.push(line)
    bytes += sizeOf(line)
    if (bytes > mostBytes) dropOldest()
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }

  /** A quarter at a time, because a list is not shortened at its beginning for nothing. */
  function dropOldest(): void {
    let count = 0
    while (bytes > (mostBytes * 3) / 4 && count < lines.length - 1) {
      bytes -= sizeOf(lines[count])
      count += 1
    }
    lines.splice(0, count)
    dropped += count
  }

  return {
    id,
    command,
    startedAt: startedAt.toISOString(),
    isForPrograms,
    get exitCode() {
      return exitCode
    },
    get keptBytes() {
      return bytes
    },
    print: (stream, text) => append({ type: stream, text }),
    readKeys: (on) => append({ type: 'keys', on }),
    finish(code) {
      exitCode = code
      append({ type: 'exit', exitCode: code })
    },
    async *follow(from) {
      let next = from
      for (;;) {
        if (next < dropped) {
          yield { type: 'skipped', lines: dropped - next }
          next = dropped
        }
        const line = lines[next - dropped]
        if (line === undefined) {
          if (exitCode !== undefined) return
          await changed.promise
          continue
        }
        next += 1
        yield line
      }
    },
  }
}

function sizeOf(line: RunLine | undefined): number {
  return lineOverhead + (line !== undefined && 'text' in line ? Buffer.byteLength(line.text) : 0)
}
