import { ProgramError } from '../errors.ts'
import { type SpawnOptions, spawn } from './spawn.ts'
import { numberOf } from './system-calls.ts'

/** What is at a path, with the modification time that it gets. */
export interface WantedTime {
  path: string
  ns: bigint
}

/** utimensat(2), which Node has not; -100 is AT_FDCWD. */
const script = `
use strict;
my $call = shift() + 0;
while (my $line = <STDIN>) {
  chomp $line;
  my ($seconds, $ns, $path) = split / /, $line, 3;
  my $time = pack('qq', $seconds, $ns);
  syscall($call, -100, $path, $time . $time, 0) == 0 or die "$path: $!\\n";
}
`

/**
 * Sets access and modification times to the nanosecond, which Node rounds to 238 ns, through links.
 * By one perl(1) for all: a touch(1) each takes milliseconds. The access time too: exfat-fuse sets
 * none of them when it is to set one (libfuse 2, flag_utime_omit_ok). Throws ProgramError for the
 * first that cannot be set.
 */
export async function setTimes(
  times: readonly WantedTime[],
  options: Pick<SpawnOptions, 'descriptor3' | 'signal'>,
): Promise<void> {
  if (times.length === 0) return
  const { exitCode, stderr } = await spawn('perl', ['-e', script, String(numberOf('utimensat'))], {
    ...options,
    input: Buffer.from(times.map(formatLine).join('')),
  })
  if (exitCode === 0) return

  throw new ProgramError(`directories could not be given their times: ${stderr.trim()}`, stderr)
}

const nsEachSecond = 1_000_000_000n

/** Nanoseconds count forward, before 1970 too. */
function formatLine({ path, ns }: WantedTime): string {
  const rest = ((ns % nsEachSecond) + nsEachSecond) % nsEachSecond
  return `${(ns - rest) / nsEachSecond} ${rest} ${path}\n`
}
