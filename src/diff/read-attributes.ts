import { ProgramError } from '../errors.ts'
import { spawn } from '../system/spawn.ts'
import { numberOf } from '../system/system-calls.ts'
import type { BytePath } from '../tree/byte-path.ts'
import { listPaths } from '../tree/path-list.ts'

/** All that an entry has of these, as text that is equal where they are. */
export interface Attributes {
  acl: string
  xattrs: string
}

/** A value is no longer than 64 KiB, and neither is a list of names (xattr(7)). */
const script = `
use strict;
my ($list, $get) = map { $_ + 0 } @ARGV;
my ($names, $value) = ("\\0" x 65536, "\\0" x 65536);
$/ = "\\0";
while (defined(my $path = <STDIN>)) {
  chomp $path;
  my $length = syscall($list, $path, $names, 65536);
  next if $length <= 0;
  my (@acl, @others);
  for my $name (sort split /\\0/, substr($names, 0, $length)) {
    my $read = syscall($get, $path, $name, $value, 65536);
    my $pair = unpack('H*', $name) . '=' . ($read < 0 ? '' : unpack('H*', substr($value, 0, $read)));
    if ($name =~ /^system[.]posix_acl/) { push @acl, $pair } else { push @others, $pair }
  }
  print join("\\0", $path, join(',', @acl), join(',', @others)), "\\0";
}
`

/**
 * Reads ACLs and extended attributes of listed entries, following no link; those that have none are
 * not in the result. By one perl(1), because Node reads none. Throws ProgramError.
 */
export async function readAttributes(
  cwd: string,
  paths: readonly BytePath[],
  signal: AbortSignal | undefined,
): Promise<Map<BytePath, Attributes>> {
  const found = new Map<BytePath, Attributes>()
  if (paths.length === 0) return found

  // the root has the empty path
  const input = listPaths(paths.map((path) => (path === '' ? '.' : path)))
  const calls = [numberOf('llistxattr'), numberOf('lgetxattr')].map(String)
  const chunks: Buffer[] = []
  const { exitCode, stderr } = await spawn('perl', ['-e', script, ...calls], {
    cwd,
    input,
    signal,
    onOutput: (chunk) => chunks.push(chunk),
  })
  if (exitCode !== 0) {
    throw new ProgramError(`extended attributes cannot be read: ${stderr.trim()}`, stderr)
  }

  const words = Buffer.concat(chunks).toString('latin1').split('\0')
  for (let at = 0; at + 3 < words.length + 1 && words[at] !== ''; at += 3) {
    const path = words[at] === '.' ? '' : (words[at] ?? '')
    found.set(path, { acl: words[at + 1] ?? '', xattrs: words[at + 2] ?? '' })
  }
  return found
}
