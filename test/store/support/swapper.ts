import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** renameat2(2) by number, because perl knows it by no other. */
const callNumbers: Partial<Record<NodeJS.Architecture, number>> = { x64: 316, arm64: 276 }

/** For `syscall` in perl; `whyNoSwapper` tells where it is not known. */
export const exchangeCall = String(callNumbers[process.arch])

const program = String.raw`
  $| = 1;
  my ($call, $one, $other) = @ARGV;
  my $swap = sub { syscall($call + 0, -100, $one, -100, $other, 2) };
  $swap->() == 0 or die "renameat2: $!";
  print "swapping\n";
  # ends with the test, whatever happens to it
  my $parent = getppid;
  for (my $count = 0; ; $count++) {
    $swap->();
    select undef, undef, undef, rand() / 2000;
    exit if $count % 64 == 0 && getppid != $parent;
  }
`

/** Why nothing can be swapped here, as one line for `skipBecause`; undefined if it can. */
export function whyNoSwapper(): string | undefined {
  return callNumbers[process.arch] === undefined
    ? `the number of renameat2(2) on ${process.arch} is not known`
    : undefined
}

/**
 * Begins to exchange two names in `directory`, again and again, each time in one step: at any
 * instant both are there. Gives the function that ends it.
 */
export async function startSwapping(
  directory: string,
  one: string,
  other: string,
): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn('perl', ['-e', program, exchangeCall, one, other], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  await Promise.race([
    once(child.stdout ?? child, 'data'),
    ended.then(() => Promise.reject(new Error('the swapper ended'))),
  ])
  return async () => {
    child.kill('SIGKILL')
    await ended
  }
}
