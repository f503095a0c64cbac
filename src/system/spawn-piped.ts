import { type ChildProcess, spawn as spawnChild } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { OperationError, errorCode, throwIfInterrupted } from '../errors.ts'
import { missingProgram, scrubbedEnvironment } from './spawn.ts'

const keptErrorBytes = 64 * 1024

export interface PipedOptions {
  cwd?: string
  /** Another program's output, which this process does not read; without it there is none. */
  input?: Readable | 'pipe'
  /** A descriptor the program inherits as its descriptor 3, for as long as it lives. */
  descriptor3?: number
  signal?: AbortSignal | undefined
  /** Sees the lines of standard error as they come, and takes those that are no messages. */
  onLine?: (line: string) => boolean
}

/** A program in a pipeline. */
export interface PipedProgram {
  stdin: Writable | undefined
  stdout: Readable
  /** Resolves when it ended; throws what `spawn` throws. */
  ended: Promise<{ exitCode: number; stderr: string }>
  kill: () => void
}

/**
 * Starts a program whose output goes on to another one, or comes as a stream, in the environment of
 * `spawn`.
 */
export function startPiped(
  program: string,
  args: readonly string[],
  { cwd, input, descriptor3, signal, onLine = () => false }: PipedOptions,
): PipedProgram {
  const child = spawnChild(program, [...args], {
    env: scrubbedEnvironment,
    stdio: [input ?? 'ignore', 'pipe', 'pipe', ...(descriptor3 === undefined ? [] : [descriptor3])],
    ...(cwd === undefined ? {} : { cwd }),
  })
  // it has its own
  if (input !== undefined && input !== 'pipe') input.destroy()
  const kill = (): void => void child.kill('SIGKILL')
  signal?.addEventListener('abort', kill, { once: true })
  // what it does not read any more is told by its exit code
  child.stdin?.on('error', () => undefined)

  const ended = waitFor(program, child, readLines(child.stderr, onLine), signal).finally(() =>
    signal?.removeEventListener('abort', kill),
  )
  // whoever waits for another one first is not too late
  ended.catch(() => undefined)
  return {
    stdin: child.stdin ?? undefined,
    stdout: streamOf(child),
    ended,
    kill,
  }
}

function streamOf({ stdout }: ChildProcess): Readable {
  if (stdout === null) throw new Error('it has no output')
  return stdout
}

/** Gives what was said so far, the first of it. */
function readLines(stream: Readable | null, onLine: (line: string) => boolean): () => string {
  let [rest, kept] = ['', '']
  stream?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!onLine(line) && kept.length < keptErrorBytes) kept += `${line}\n`
    }
  })
  return () => kept + rest
}

async function waitFor(
  program: string,
  child: ChildProcess,
  said: () => string,
  signal: AbortSignal | undefined,
): Promise<{ exitCode: number; stderr: string }> {
  try {
    await once(child, 'close')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw missingProgram(program)
    throw error
  }
  throwIfInterrupted(signal)
  if (child.exitCode === null) {
    throw new OperationError(`${program} was ended by ${child.signalCode ?? 'a signal'}`)
  }
  return { exitCode: child.exitCode, stderr: said() }
}
