import { execa } from 'execa'

/**
 * The words that run a program with a system call made to fail, as strace(1) describes `inject`,
 * such as `fsync:error=EIO:when=1`; with `path`, only where the call is about that file.
 */
export function injecting(injection: string, path?: string): string[] {
  const [call = ''] = injection.split(':')
  return [
    'strace',
    '--follow-forks',
    '--quiet=all',
    '--output=/dev/null',
    `--trace=${call}`,
    ...(path === undefined ? ['--seccomp-bpf'] : [`--trace-path=${path}`]),
    `--inject=${injection}`,
  ]
}

/** Why strace cannot be used here, as one line for `skipBecause`; undefined if it can. */
export async function whyNoStrace(): Promise<string | undefined> {
  const { failed, shortMessage } = await execa({
    reject: false,
  })`${[...injecting('fsync:error=EIO'), 'true']}`
  return failed ? `strace cannot inject faults: ${shortMessage}` : undefined
}
