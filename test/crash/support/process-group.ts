import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Ended {
  exitCode: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A program, in a process group of its own with everything that it starts. */
export interface ProcessGroup {
  readonly pid: number
  /** Resolves when the program itself has ended and nobody holds its output open. */
  readonly ended: Promise<Ended>
  /**
   * Resolves with the first match in standard error or output; rejects when it ends without one.
   */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Signals the program alone. */
  signal(name: NodeJS.Signals): void
  /** Signals every process of the group; none left is no error. */
  signalAll(name: NodeJS.Signals): void
  /** Pids of the processes that live, with their names. */
  living(): { pid: number; name: string }[]
  /** Resolves when no process of the group lives. */
  gone(): Promise<void>
}

export interface StartOptions {
  environment?: Record<string, string>
  /** Sees what the program writes to its descriptor 3. */
  onDescriptor3?: (chunk: string) => void
}

/** A test that fails may leave a program running; none outlives the tests. */
const unfinished = new Set<number>()
process.once('exit', () => {
  for (const pid of unfinished) signalGroup(pid, 'SIGKILL')
})

export function startGroup(
  program: string,
  args: readonly string[],
  { environment = {}, onDescriptor3 }: StartOptions = {},
): ProcessGroup {
  const child = spawn(program, args, {
    detached: true,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe', ...(onDescriptor3 === undefined ? [] : ['pipe' as const])],
  })
  const pid = child.pid
  if (pid === undefined || child.stdout === null || child.stderr === null) {
    throw new Error(`${program} cannot be started`)
  }
  unfinished.add(pid)
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  if (onDescriptor3 !== undefined) {
    ;(child.stdio[3] as Readable).setEncoding('utf8').on('data', onDescriptor3)
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => {
      unfinished.delete(pid)
      resolve({ exitCode, signal, stdout: stdout.text(), stderr: stderr.text() })
    })
  })
  return {
    pid,
    ended,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(stderr.text()) ?? pattern.exec(stdout.text())
          if (match !== null) resolve(match)
        }
        child.stdout?.on('data', look)
        child.stderr?.on('data', look)
        look()
        ended.then(
          () => reject(new Error(`it ended without ${String(pattern)}: ${stderr.text()}`)),
          reject,
        )
      }),
    signal: (name) => child.kill(name),
    signalAll: (name) => signalGroup(pid, name),
    living: () => livingMembers(pid),
    async gone() {
      while (livingMembers(pid).length > 0) await sleep(5)
    },
  }
}

/** Runs a program to its end. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Ended> {
  return startGroup(program, args, options).ended
}

function collect(stream: Readable): { text: () => string } {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  return { text: () => text }
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A program lives until its last thread is gone; only then its files are closed. */
function livingMembers(group: number): { pid: number; name: string }[] {
  return namesIn('/proc').flatMap((pid) => {
    const { name, pgrp } = readStat(`/proc/${pid}`)
    if (pgrp !== group) return []
    const states = namesIn(`/proc/${pid}/task`).map((task) => readStat(`/proc/${pid}/task/${task}`))
    return states.some(({ state }) => !'ZX'.includes(state)) ? [{ pid: Number(pid), name }] : []
  })
}

/** Reads proc_pid_stat(5): `pid (name) state ppid pgrp ...`; what is gone is in state X. */
function readStat(directory: string): { name: string; state: string; pgrp: number } {
  const match = /^\d+ \((.*)\) (\S) \d+ (\d+) /s.exec(readIfThere(`${directory}/stat`))
  const [, name = '', state = 'X', pgrp = ''] = match ?? []
  return { name, state, pgrp: Number(pgrp) }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}
