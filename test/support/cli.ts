import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

/** The program as it is shipped; `npm run build` makes it. */
export const programFile = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

export type Environment = Readonly<Record<string, string>>

export interface Finished {
  exitCode: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** The whole environment of the program, but for PATH. */
  env?: Environment
  /** A program and its arguments that run the CLI, such as `['setpriv', '--reuid=65534']`. */
  through?: readonly string[]
  cwd?: string
}

const longestRunMs = 50_000

/** Runs the CLI to its end, whatever its exit code. */
export async function runCli(
  words: readonly string[],
  { env = {}, through = [], cwd }: RunOptions = {},
): Promise<Finished> {
  const [program = '', ...args] = commandLine(words, through)
  const result = await execa(program, args, {
    env: withPath(env),
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    stripFinalNewline: false,
    timeout: longestRunMs,
    ...(cwd === undefined ? {} : { cwd }),
  })
  const { exitCode, stdout, stderr } = result
  if (exitCode === undefined) {
    throw new Error(`${result.shortMessage ?? 'no exit code'}\n${stdout}${stderr}`)
  }
  return { exitCode, stdout, stderr }
}

/** The JSON documents that the program printed, one a line. */
export function documentsOf({ stdout }: Finished): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** The last of them: the result, or the only document. */
export function lastDocumentOf(finished: Finished): Record<string, unknown> {
  const document = documentsOf(finished).at(-1)
  if (document === undefined) throw new Error(`no document was printed: ${finished.stderr}`)
  return document
}

/** A `start` that runs. */
export interface Daemon {
  pid: number
  /** All it has printed so far. */
  output: () => string
  /** Resolves with the first line, printed already or still to come, that fits. */
  line: (pattern: RegExp, timeoutMs?: number) => Promise<string>
  signal: (name: NodeJS.Signals) => void
  /** Writes to its standard input, where that is open: see `launchProgram`. */
  write: (text: string) => void
  /** Sends SIGTERM and resolves with the exit code. */
  stop: () => Promise<number>
  /** Resolves with the exit code when it ends by itself. */
  end: () => Promise<number>
}

/**
 * Runs `start` and resolves once it has logged that it started; throws what it printed when it ends
 * before.
 */
export async function startDaemon(
  words: readonly string[],
  { env = {}, through = [] }: RunOptions = {},
): Promise<Daemon> {
  const daemon = launch(commandLine(['start', ...words], through), env)
  try {
    await daemon.line(/ started: /)
  } catch (error) {
    await daemon.stop()
    throw error
  }
  return daemon
}

/** Starts the CLI and resolves at once; for a test that looks at it while it runs. */
export function launchCli(
  words: readonly string[],
  { env = {}, through = [] }: RunOptions = {},
): Daemon {
  return launch(commandLine(words, through), env)
}

/** Starts any other program that is to be watched, and written to. */
export function launchProgram(words: readonly string[], { cwd }: { cwd: string }): Daemon {
  return launch(words, {}, cwd)
}

function launch(
  [program = '', ...args]: readonly string[],
  env: Environment,
  cwd?: string,
): Daemon {
  const child = spawn(program, args, {
    env: withPath(env),
    stdio: [cwd === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  })
  const ended = once(child, 'close')
  let output = ''
  const readers = new Set<() => void>()
  const read = (chunk: Buffer): void => {
    output += chunk.toString()
    for (const reader of readers) reader()
  }
  child.stdout?.on('data', read)
  child.stderr?.on('data', read)
  return {
    pid: child.pid ?? 0,
    output: () => output,
    line: (pattern, timeoutMs = 20_000) =>
      waitForLine({ pattern, timeoutMs, output: () => output, readers, child, ended }),
    signal: (name) => void child.kill(name),
    write: (text) => void child.stdin?.write(text),
    async stop() {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      await ended
      return child.exitCode ?? -1
    },
    async end() {
      await ended
      return child.exitCode ?? -1
    },
  }
}

interface LineWait {
  pattern: RegExp
  timeoutMs: number
  output: () => string
  readers: Set<() => void>
  child: ChildProcess
  ended: Promise<unknown>
}

async function waitForLine(wait: LineWait): Promise<string> {
  const { pattern, timeoutMs, output, readers, child, ended } = wait
  const find = (): string | undefined =>
    output()
      .split('\n')
      .slice(0, -1)
      .find((line) => pattern.test(line))
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer)
      readers.delete(look)
      act()
    }
    const look = (): void => {
      const line = find()
      if (line !== undefined) settle(() => resolve(line))
    }
    const fail = (why: string): void => {
      settle(() => reject(new Error(`${why} without a line like ${pattern}:\n${output()}`)))
    }
    const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs)
    readers.add(look)
    look()
    void ended.then(() => fail(`it ended (exit code ${child.exitCode})`))
  })
}

function commandLine(words: readonly string[], through: readonly string[]): string[] {
  return [...through, process.execPath, programFile, ...words]
}

function withPath(env: Environment): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', ...env }
}
