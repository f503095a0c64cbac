import { OperationError, errorCode, throwIfInterrupted } from '../errors.ts'

const keptOutputBytes = 1024 * 1024

/**
 * Programs run with this environment and no other: rsync obeys RSYNC_* and ~/.popt (rsync(1)), and
 * messages are read, so they must be in one language.
 */
export const scrubbedEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/nonexistent',
  LC_ALL: 'C',
  TZ: 'UTC',
}

export interface SpawnOptions {
  cwd?: string
  /** Written to the program's standard input; without it there is none. */
  input?: Buffer
  /** A descriptor the program inherits as its descriptor 3, for as long as it lives. */
  descriptor3?: number
  signal?: AbortSignal | undefined
  /** Called with the process id once it runs; what it returns is called when it has ended. */
  onStart?: (pid: number) => () => void
  /** Sees standard output as it comes; without it the first MiB is kept in the result. */
  onOutput?: (chunk: Buffer) => void
}

export interface SpawnResult {
  exitCode: number
  stdout: string
  stderr: string
}

/**
 * Runs a program to its end and tells its exit code; a code other than 0 is for the caller to
 * judge. Throws OperationError when the program is missing or was killed, InterruptedError when
 * `signal` ended it.
 */
export async function spawn(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<SpawnResult> {
  const { execa } = await import('execa')
  const subprocess = execa(program, args, {
    env: scrubbedEnvironment,
    extendEnv: false,
    reject: false,
    buffer: false,
    stripFinalNewline: false,
    stdio: [
      options.input === undefined ? 'ignore' : 'pipe',
      'pipe',
      'pipe',
      ...(options.descriptor3 === undefined ? [] : [options.descriptor3 as 3]), // any descriptor works, execa's types know 3 to 9
    ],
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  })

  const stdout = keepStart(keptOutputBytes)
  const stderr = keepStart(keptOutputBytes)
  subprocess.stdout.on('data', options.onOutput ?? stdout.add)
  subprocess.stderr.on('data', stderr.add)

  const onEnd = subprocess.pid === undefined ? undefined : options.onStart?.(subprocess.pid)
  const result = await subprocess.finally(onEnd)
  throwIfInterrupted(options.signal)
  if (errorCode(result.cause) === 'ENOENT' || result.code === 'ENOENT') {
    throw missingProgram(program)
  }
  if (result.exitCode === undefined) {
    throw new OperationError(
      `${program} ended without an exit code: ${result.shortMessage ?? result.signal ?? 'unknown reason'}`,
    )
  }

  return { exitCode: result.exitCode, stdout: stdout.text(), stderr: stderr.text() }
}

export function missingProgram(program: string): OperationError {
  return new OperationError(`${program} is not installed`, {
    fix: `install it (Debian: apt-get install ${packageOf(program)}), or use the image, which has it`,
  })
}

/** Debian's package of a program this one runs. */
function packageOf(program: string): string {
  const packages: Record<string, string> = {
    rsync: 'rsync',
    flock: 'util-linux',
    perl: 'perl-base',
    xargs: 'findutils',
    tar: 'tar',
    zstd: 'zstd',
    xdelta3: 'xdelta3',
  }
  return packages[program] ?? 'coreutils'
}

function keepStart(limit: number): { add: (chunk: Buffer) => void; text: () => string } {
  const chunks: Buffer[] = []
  let kept = 0

  return {
    add(chunk) {
      if (kept < limit) chunks.push(chunk.subarray(0, limit - kept))
      kept += chunk.length
    },
    text: () => Buffer.concat(chunks).toString(),
  }
}
