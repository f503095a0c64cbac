import { chmodSync, chownSync, fstatSync } from 'node:fs'
import { ProgramError } from '../errors.ts'
import { setTimes } from '../system/set-times.ts'
import { type SpawnOptions, spawn } from '../system/spawn.ts'
import { numberOf } from '../system/system-calls.ts'
import { forPrograms, throughDescriptor } from '../tree/byte-path.ts'

/** A value is no longer than 64 KiB, and neither is a list of names (xattr(7)). */
const script = `
use strict;
my ($list, $get, $set, $remove) = map { $_ + 0 } splice(@ARGV, 0, 4);
my ($from, $to) = @ARGV;
my ($names, $value) = ("\\0" x 65536, "\\0" x 65536);
sub attributes_of {
  my ($path) = @_;
  my $length = syscall($list, $path, $names, 65536);
  my %found;
  for my $name ($length <= 0 ? () : split /\\0/, substr($names, 0, $length)) {
    my $read = syscall($get, $path, $name, $value, 65536);
    $found{$name} = substr($value, 0, $read) if $read >= 0;
  }
  return %found;
}
my %wanted = attributes_of($from);
my %there = attributes_of($to);
for my $name (keys %there) {
  next if exists $wanted{$name};
  # it may have gone with another one, as trusted.SGI_ACL_FILE of XFS does
  syscall($remove, $to, $name) == 0 or $!{ENODATA} or die "$name: $!\\n";
}
for my $name (keys %wanted) {
  next if exists $there{$name} && $there{$name} eq $wanted{$name};
  my $content = $wanted{$name};
  syscall($set, $to, $name, $content, length $content, 0) == 0 or die "$name: $!\\n";
}
`

/**
 * Gives an entry the owner, mode, ACL, extended attributes and times of another one, both open for
 * anything (openEntryBelow), and leaves its content as it is. Throws ProgramError, or the error of
 * the system, for what cannot be set.
 */
export async function copyAttributes(
  from: number,
  to: number,
  options: Pick<SpawnOptions, 'descriptor3' | 'signal'>,
): Promise<void> {
  const wanted = fstatSync(from, { bigint: true })
  const here = throughDescriptor(to)
  // first, because it takes capabilities and set-user-ID away (chown(2))
  chownSync(here, Number(wanted.uid), Number(wanted.gid))

  const calls = (['listxattr', 'getxattr', 'setxattr', 'removexattr'] as const).map(numberOf)
  const words = ['-MErrno', '-e', script, ...calls.map(String), forPrograms(from), forPrograms(to)]
  const { exitCode, stderr } = await spawn('perl', words, options)
  if (exitCode !== 0) {
    throw new ProgramError(`attributes could not be set: ${stderr.trim()}`, stderr)
  }

  if (!wanted.isSymbolicLink()) chmodSync(here, Number(wanted.mode & 0o7777n))
  await setTimes([{ path: forPrograms(to), ns: wanted.mtimeNs }], options)
}
