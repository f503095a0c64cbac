import { randomUUID } from 'node:crypto'
import { closeSync, constants, openSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InterruptedError, OperationError } from '../errors.ts'
import { spawn } from './spawn.ts'

/**
 * What the kernel says to a write lease on a file: `open` while anybody has it open, for reading or
 * writing or through a mapping, in whatever container; `denied` without the capability LEASE where
 * it belongs to another user and SETUID is missing too; `unknown` where the filesystem has no
 * leases.
 */
export type LeaseAnswer = 'free' | 'open' | 'denied' | 'unknown'

/** A regular file that this process has open with O_PATH, which does not count as open. */
export interface AskedFile {
  descriptor: number
  uid: number
}

/**
 * F_SETLEASE and F_UNLCK of fcntl(2), which Node has not. O_NONBLOCK: who has a lease, such as a
 * server of files, is asked to give it up, as by any reader, and not waited for. Who opens the file
 * while the lease is held, some microseconds, waits for its end, which SIGIO would tell. A lease is
 * for CAP_LEASE and for the file's owner, by the effective user.
 */
const script = `
use strict;
use Errno qw(EACCES EAGAIN);
use Fcntl;
$SIG{IO} = 'IGNORE';
my $process = shift;
my $own = $>;
sub ask {
  my ($file) = @_;
  return $! == EAGAIN ? 'open' : $! == EACCES ? 'denied' : 'unknown' unless fcntl($file, 1024, F_WRLCK);
  fcntl($file, 1024, F_UNLCK);
  return 'free';
}
sub ask_as {
  my ($file, $uid) = @_;
  $> = $uid;
  my $answer = ask($file);
  $> = $own;
  return $answer;
}
while (<STDIN>) {
  my ($descriptor, $uid) = split;
  my $answer = 'unknown';
  if (sysopen(my $file, "/proc/$process/fd/$descriptor", O_RDONLY | O_NONBLOCK)) {
    $answer = ask($file);
    $answer = ask_as($file, $uid) if $answer eq 'denied';
  } elsif ($! == EAGAIN) {
    $answer = 'open';
  }
  print "$answer\\n";
}
`

const longestMs = 30_000
const answers: readonly string[] = ['free', 'open', 'denied', 'unknown'] satisfies LeaseAnswer[]

/**
 * open(2): Node does not name it. The file is not opened by it, and does not count as open since
 * Linux 5.3.
 */
export const O_PATH = 0o10_000_000

/**
 * Asks for each, and holds none. Undefined where nobody can ask: there is no perl(1), it does not
 * end, or this kernel takes our own look for an opening, as it does then for a file that nobody
 * else can have open.
 */
export async function askForLeases(
  files: readonly AskedFile[],
  signal: AbortSignal | undefined,
): Promise<LeaseAnswer[] | undefined> {
  const tooLong = AbortSignal.timeout(longestMs)
  using closing = new DisposableStack()

  const control = makeControl(closing)
  const lines = [...control, ...files].map(({ descriptor, uid }) => `${descriptor} ${uid}\n`)
  try {
    const { exitCode, stdout } = await spawn('perl', ['-e', script, String(process.pid)], {
      input: Buffer.from(lines.join('')),
      signal: AbortSignal.any([tooLong, ...(signal === undefined ? [] : [signal])]),
    })
    const found = stdout.trim().split('\n').filter(isAnswer)
    if (exitCode !== 0 || found.length !== control.length + files.length) return undefined

    const isMisled = found.slice(0, control.length).includes('open')
    return isMisled ? undefined : found.slice(control.length)
  } catch (error) {
    const isOurs = error instanceof InterruptedError ? signal?.aborted !== true : true
    if (error instanceof OperationError && isOurs) return undefined
    throw error
  }
}

/**
 * A file that nobody else has open, held as those are that are asked for; none where there is no
 * room for it.
 */
function makeControl(closing: DisposableStack): AskedFile[] {
  const path = join(tmpdir(), `snap-volume.${randomUUID()}`)
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch {
    return []
  }

  const descriptor = closing.adopt(openSync(path, O_PATH | constants.O_NOFOLLOW), closeSync)
  unlinkSync(path)
  return [{ descriptor, uid: 0 }]
}

function isAnswer(word: string): word is LeaseAnswer {
  return answers.includes(word)
}
