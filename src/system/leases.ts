import { InterruptedError, OperationError } from '../errors.ts'
import { run } from './run.ts'

/**
 * What the kernel says to a write lease on a file: `open` while anybody has it open, for reading or writing or through a mapping, in
 * whatever container; `denied` without the capability LEASE where it belongs to another user and SETUID is missing too; `unknown` where
 * the filesystem has no leases.
 */
export type LeaseAnswer = 'free' | 'open' | 'denied' | 'unknown'

/** A regular file that this process has open with O_PATH, which does not count as open. */
export interface AskedFile {
  descriptor: number
  uid: number
}

/**
 * F_SETLEASE and F_UNLCK of fcntl(2), which Node has not. O_NONBLOCK: who has a lease, such as a server of files, is asked to give it
 * up, as by any reader, and not waited for. Who opens the file while the lease is held, some microseconds, waits for its end, which
 * SIGIO would tell. A lease is for CAP_LEASE and for the file's owner, by the effective user.
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

/** Asks for each, and holds none. Undefined where nobody can ask: there is no perl(1), or it does not end. */
export async function askForLeases(
  files: readonly AskedFile[],
  signal: AbortSignal | undefined,
): Promise<LeaseAnswer[] | undefined> {
  const tooLong = AbortSignal.timeout(longestMs)
  const lines = files.map(({ descriptor, uid }) => `${descriptor} ${uid}\n`)
  try {
    const { exitCode, stdout } = await run('perl', ['-e', script, String(process.pid)], {
      input: Buffer.from(lines.join('')),
      signal: AbortSignal.any([tooLong, ...(signal === undefined ? [] : [signal])]),
    })
    const found = stdout.trim().split('\n').filter(isAnswer)
    return exitCode === 0 && found.length === files.length ? found : undefined
  } catch (error) {
    const isOurs = error instanceof InterruptedError ? signal?.aborted !== true : true
    if (error instanceof OperationError && isOurs) return undefined
    throw error
  }
}

function isAnswer(word: string): word is LeaseAnswer {
  return answers.includes(word)
}
