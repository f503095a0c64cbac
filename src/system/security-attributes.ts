import { OperationError } from '../errors.ts'
import { spawn } from './spawn.ts'
import { numberOf } from './system-calls.ts'

/** Of some files, the extended attributes `security.*` that take SYS_ADMIN to be set. */
interface SecurityAttributes {
  names: string[]
  /** The first of the files that have any. */
  paths: string[]
}

const mostPaths = 100

/** A list that is longer than the buffer cannot be read by anybody (listxattr(2)). */
const script = `
use strict;
my ($call, $most) = map { $_ + 0 } @ARGV;
my $names = "\\0" x 65536;
my (%found, @paths);
$/ = "\\0";
while (defined(my $path = <STDIN>)) {
  chomp $path;
  my $length = syscall($call, $path, $names, 65536);
  next if $length <= 0;
  my @security = grep { /^security[.]/ && $_ ne 'security.capability' } split /\\0/, substr($names, 0, $length);
  next unless @security;
  $found{$_} = 1 for @security;
  push @paths, $path if @paths < $most;
}
print join("\\0", join(' ', sort keys %found), @paths);
`

/**
 * Looks at listed files (NUL after each, from the working directory `cwd` on), following no link at
 * their ends; those that are not there have none. By perl(1). Throws OperationError where nobody
 * can look.
 */
export async function findSecurityAttributes(
  cwd: string,
  paths: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<SecurityAttributes> {
  if (paths.length === 0) return { names: [], paths: [] }
  const words = ['-e', script, String(numberOf('llistxattr')), String(mostPaths)]
  const input = Buffer.from(paths.buffer, paths.byteOffset, paths.length)
  const { exitCode, stdout, stderr } = await spawn('perl', words, { cwd, input, signal })
  if (exitCode !== 0) throw cannotLook(stderr.trim())

  const [names = '', ...found] = stdout.split('\0')
  return { names: names.split(' ').filter((name) => name !== ''), paths: found }
}

const capability = 'security.capability'

const capabilityScript = `
use strict;
my $call = shift() + 0;
my $name = '${capability}';
my $value = "\\0" x 64;
$/ = "\\0";
while (defined(my $path = <STDIN>)) {
  chomp $path;
  print "$path\\0" if syscall($call, $path, $name, $value, 64) > 0;
}
`

/** Those of the listed files that have a capability, a character a byte. Throws OperationError where nobody can look. */
export async function findCapabilities(
  cwd: string,
  paths: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  if (paths.length === 0) return []
  const words = ['-e', capabilityScript, String(numberOf('lgetxattr'))]
  const input = Buffer.from(paths.buffer, paths.byteOffset, paths.length)
  const found: Buffer[] = []
  const onOutput = (chunk: Buffer): void => void found.push(chunk)
  const { exitCode, stderr } = await spawn('perl', words, { cwd, input, signal, onOutput })
  if (exitCode !== 0) throw cannotLook(stderr.trim())
  return Buffer.concat(found).toString('latin1').split('\0').slice(0, -1)
}

function cannotLook(why: string): OperationError {
  return new OperationError(
    `extended attributes cannot be looked at (${why}), and this process may not set all of them`,
    { fix: 'run with --cap-add SYS_ADMIN' },
  )
}
