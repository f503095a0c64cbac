import type { Readable } from 'node:stream'
import { errorCode } from '../errors.ts'

const keptOutput = 4096

/** Time to read what was printed last. */
const pipeGraceMs = 500

export interface ShellResult {
  outcome: 'done' | 'failed' | 'timeout'
  exitCode: number | null
  ms: number
  /** The end of what it printed, on both streams. */
  output: string
}

/**
 * Runs a command of the administrator by `sh -c` with his environment; what it started is ended
 * with it when it takes too long.
 */
export async function spawnShell(
  command: string,
  environment: Readonly<Record<string, string | undefined>>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<ShellResult> {
  const { execa } = await import('execa')
  const began = performance.now()
  let kept = Buffer.alloc(0)
  const keep = (chunk: Buffer): void => {
    kept = Buffer.concat([kept, chunk]).subarray(-keptOutput)
  }

  const subprocess = execa('sh', ['-c', command], {
    env: environment,
    extendEnv: false,
    reject: false,
    buffer: false,
    stdin: 'ignore',
    // a group of its own, so that what it started can be ended too
    detached: true,
  })

  subprocess.stdout.on('data', keep)
  subprocess.stderr.on('data', keep)

  let isLate = false
  const stop = (): void => endGroup(subprocess.pid)
  const timer = setTimeout(() => {
    isLate = true
    stop()
  }, timeoutMs)
  signal?.addEventListener('abort', stop)
  if (signal?.aborted) stop()

  // what left its group may keep the pipes open for as long as it likes
  subprocess.nodeChildProcess.once('exit', () => {
    setTimeout(() => closePipes(subprocess), pipeGraceMs).unref()
  })

  try {
    const { exitCode } = await subprocess
    return {
      outcome: isLate ? 'timeout' : exitCode === 0 ? 'done' : 'failed',
      exitCode: exitCode ?? null,
      ms: Math.round(performance.now() - began),
      output: kept.toString(),
    }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

function closePipes({ stdout, stderr }: { stdout: Readable; stderr: Readable }): void {
  stdout.destroy()
  stderr.destroy()
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    // it has just ended by itself
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
