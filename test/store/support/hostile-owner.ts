import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** Who owns the data and means harm. */
export const ownerId = 1000

/**
 * A loop asks `goes_on` and so ends with the test, whatever happens to the test; and after 90
 * seconds.
 */
const prelude = String.raw`
  use strict;
  use warnings;
  no warnings 'once';
  use Fcntl;
  $| = 1;
  my ($parent, $ends, $ended) = (getppid, time + 90, 0);
  $SIG{TERM} = sub { $ended = 1 };
  sub goes_on { !$ended && time < $ends && getppid == $parent }
`

export interface OwnersProcess {
  pid: number
  /** Asks the process to end, and gives all lines that it printed after the first one. */
  stop(): Promise<string[]>
}

/**
 * Runs a Perl program in `directory` with the rights of the owner, and waits for the first line
 * that it prints.
 */
export async function startAsOwner(
  directory: string,
  program: string,
  words: readonly string[] = [],
): Promise<OwnersProcess> {
  const child: ChildProcess = spawn('perl', ['-e', prelude + program, ...words], {
    cwd: directory,
    uid: ownerId,
    gid: ownerId,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { stdout } = child
  if (stdout === null) throw new Error('the process has no output')
  const ended = once(child, 'exit')
  await Promise.race([
    once(stdout, 'readable'),
    ended.then(() => Promise.reject(new Error('the process of the owner ended'))),
  ])
  const printed = text(stdout)
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM')
      await ended
      const [, ...lines] = (await printed).trimEnd().split('\n')
      return lines
    },
  }
}
