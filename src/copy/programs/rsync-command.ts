import { ProgramError } from '../../errors.ts'
import { type SpawnResult, spawn } from '../../system/spawn.ts'
import { type LeftOutAttributes, filtersOfLeftOut } from '../left-out-attributes.ts'
import { firstCause } from './rsync-output.ts'
import { unblockRsync } from './unblock.ts'

/**
 * All that rsync can keep: links, ACLs, xattrs, holes, owners by number, times to the nanosecond
 * (`-@-1`, without which they are compared in whole seconds), on one filesystem. ACLs come with -A
 * and not as the xattrs system.*, nor as trusted.SGI_ACL_*, which XFS shows beside them: rsync
 * would delete these where another filesystem has none, and the ACLs with them.
 */
const faithful = [
  '-aHAXS',
  '--numeric-ids',
  '-x',
  '-@-1',
  '--no-inc-recursive',
  '--filter=-x system.*',
  '--filter=-x trusted.SGI_ACL_*',
]
const machineReadable = ['--no-human-readable', '--outbuf=Line']

const partial = 23
const vanished = 24
const someNotTransferred = /^rsync error: some files\/attrs were not transferred /
/**
 * What the sender says of an entry that went, shrank or became something else after it was listed
 * (errno(3)).
 */
const liveDataMessages = [
  /^(file|directory) has vanished: /,
  /^rsync: \[sender\] (get_acl: |opendir |link_stat |send_files failed to open ).*: (No such file or directory \(2\)|Not a directory \(20\)|Too many levels of symbolic links \(40\))$/,
  // of what was a directory and is none any more (acl_get_file(3))
  /^rsync: \[sender\] get_acl: sys_acl_get_file\(.*, ACL_TYPE_DEFAULT\): Permission denied \(13\)$/,
  /^rsync: \[sender\] get_xattr_(names|data): .*: (No such file or directory \(2\)|Not a directory \(20\)|Numerical result out of range \(34\)|No data available \(61\))$/,
  /^rsync: \[sender\] readlink_stat\(.*\) failed: (Not a directory \(20\)|Invalid argument \(22\))$/,
  // of what is a socket, or a pipe that it was told not to wait for (copy/programs/unblock.ts)
  /^rsync: \[sender\] send_files failed to open .*: (No such device or address \(6\)|Interrupted system call \(4\))$/,
  /^rsync: \[sender\] read errors mapping ".*": (Is a directory \(21\)|No data available \(61\))$/,
  /^(WARNING|ERROR): .* failed verification -- update /,
  // of a directory that became a link while it was on the way to an entry, and the other way round
  /refusing to follow a symlink owned by an untrusted user/,
  /^(could not make way for |cannot delete non-empty directory: )/,
  someNotTransferred,
]

/** What the sender says of an entry that it cannot read, for whatever reason. */
const unreadableMessages = [
  /^rsync: \[sender\] (get_acl: |get_xattr_(names|data): |readlink_stat\(|link_stat |send_files failed to open |read errors mapping ).*: [^:]* \(\d+\)$/,
]

export interface RsyncOptions {
  cwd: string
  lockDescriptor: number
  input?: Buffer
  signal?: AbortSignal | undefined
  onOutput?: (chunk: Buffer) => void
  /** Files may go while they are read, and rsync's own words for that are enough. */
  mayVanish?: boolean
  /**
   * Files may go, shrink or change their type while they are read: for a caller that looks at all
   * of them again.
   */
  isLive?: boolean
  /** Hears of attributes that are refused; without it each is a failure. */
  leftOut?: LeftOutAttributes | undefined
  /** Beside that, files may not be readable. */
  leavesUnreadable?: boolean
}

/**
 * Runs rsync, without the attributes that this process may not set: for a caller that looks for
 * them (left-out-attributes.ts). Throws OperationError for a failure that the options do not allow,
 * with rsync's own first message.
 */
export async function rsync(args: readonly string[], options: RsyncOptions): Promise<SpawnResult> {
  const { cwd, lockDescriptor, input, signal, onOutput, leftOut } = options
  const words = [...faithful, ...filtersOfLeftOut(), ...machineReadable, ...args]
  const result = await spawn('rsync', words, {
    cwd,
    descriptor3: lockDescriptor,
    signal,
    onStart: unblockRsync,
    ...(input === undefined ? {} : { input }),
    ...(onOutput === undefined ? {} : { onOutput }),
  })
  if (result.exitCode === 0) return result
  if (options.mayVanish === true && result.exitCode === vanished) return result

  const stderr = leftOut === undefined ? result.stderr : leftOut.take(result.stderr)
  const { isLive = false, leavesUnreadable = false } = options
  const others = leavesUnreadable ? unreadableMessages : []
  if (isLive && isOfLiveData({ ...result, stderr }, others)) return result
  if (result.exitCode === partial && stderr !== result.stderr && isEnd(stderr)) return result

  throw new RsyncError(result)
}

/** Nothing is said but that something was not transferred. */
function isEnd(stderr: string): boolean {
  return stderr.split('\n').every((line) => line === '' || someNotTransferred.test(line))
}

/**
 * Nothing went wrong but that files vanished, or were not what they had been when they were listed.
 */
export function isOfLiveData(
  { exitCode, stderr }: SpawnResult,
  otherMessages: readonly RegExp[] = [],
): boolean {
  if (exitCode === vanished) return true
  const lines = stderr.split('\n').filter((line) => line !== '')

  return (
    exitCode === partial &&
    lines.every((line) => [...liveDataMessages, ...otherMessages].some((one) => one.test(line)))
  )
}

/** rsync's own words for why a copy is not complete. */
export class RsyncError extends ProgramError {
  override name = 'RsyncError'

  constructor({ exitCode, stderr }: SpawnResult) {
    super(`rsync failed with exit code ${exitCode}: ${firstCause(stderr)}`, stderr)
  }
}
