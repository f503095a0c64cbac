import { dirname } from 'node:path'
import { execa } from 'execa'
import { errorCode } from '../src/errors.ts'

export interface CommandOptions {
  cwd?: string
  env?: Readonly<Record<string, string>>
}

/** Runs a program to its end and gives what it printed; throws for any exit code but 0. */
export type Run = (words: readonly string[], options?: CommandOptions) => Promise<string>

/**
 * Programs find their home and their temporary files in `scratch`; `signal` ends them with all they
 * started.
 */
export function commandRunner(scratch: string, signal: AbortSignal): Run {
  const ownEnv = {
    PATH: process.env['PATH'] ?? '',
    HOME: scratch,
    TMPDIR: scratch,
    LC_ALL: 'C.UTF-8',
  }
  return async ([program = '', ...args], options = {}) => {
    signal.throwIfAborted()
    const child = execa(program, args, {
      ...options,
      env: { ...ownEnv, ...options.env },
      extendEnv: false,
      detached: true,
      stdin: 'ignore',
    })
    const stop = (): void => endGroup(child.pid)
    signal.addEventListener('abort', stop, { once: true })
    try {
      const { stdout } = await child
      return stdout
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }
}

/** Deletes a directory, and gives its space back to the file behind the loop device. */
export async function discard(run: Run, directory: string): Promise<void> {
  await run(['rm', '-rf', directory])
  await run(['fstrim', '--quiet-unsupported', dirname(directory)])
}

/** A detached program leads a process group of its own. */
function endGroup(leader: number | undefined): void {
  if (leader === undefined) return
  try {
    process.kill(-leader, 'SIGTERM')
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
