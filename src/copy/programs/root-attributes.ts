import { lstatSync } from 'node:fs'
import { ProgramError } from '../../errors.ts'
import { setTimes } from '../../system/set-times.ts'
import { type SpawnOptions, spawn } from '../../system/spawn.ts'
import type { LeftOutAttributes } from '../left-out-attributes.ts'
import type { RsyncTrees } from './copy-listed.ts'

/**
 * All that rsync keeps of a directory; ACLs come as such, and not as the xattrs that some
 * filesystems show them by.
 */
const faithful = [
  '--acls',
  '--xattrs',
  '--xattrs-include=*',
  '--xattrs-exclude=system.*',
  '--xattrs-exclude=trusted.SGI_ACL_*',
  '--numeric-owner',
]

/**
 * Gives the root of the staged volume, which has no attributes of its own yet, those of the source,
 * once nothing is written into it any more. By tar(1), through open directories: rsync would look
 * at every entry of the root, and at what is mounted on one. Throws ProgramError where they cannot
 * be read or set.
 */
export async function copyRootAttributes({
  source,
  staging,
  lockDescriptor,
  signal,
  leftOut,
}: RsyncTrees): Promise<void> {
  const archive: Buffer[] = []
  const onOutput = (chunk: Buffer): void => void archive.push(chunk)
  const read = ['--create', '--format=posix', '--no-recursion', '.']
  await tar(read, { cwd: source.cwd, signal, onOutput })

  const write = ['--extract', '--preserve-permissions', '--same-owner']
  const input = Buffer.concat(archive)
  await tar(write, { cwd: staging.cwd, signal, descriptor3: lockDescriptor, input }, leftOut)

  // tar(1) leaves the access time out, and some filesystems by FUSE set none of the two then
  const ns = mtimeOf(source)
  if (mtimeOf(staging) === ns) return
  const times = [{ path: `${staging.cwd}/.`, ns }]
  await setTimes(times, { descriptor3: lockDescriptor, signal })
}

/** What tar says of a directory that something came into meanwhile, and ends with 1. */
const movedMeanwhile = 'file changed as we read it'

function mtimeOf({ here }: { here: string }): bigint {
  return lstatSync(`${here}/.`, { bigint: true }).mtimeNs
}

async function tar(
  words: readonly string[],
  options: SpawnOptions,
  leftOut?: LeftOutAttributes,
): Promise<void> {
  const [mode = '', ...others] = words
  const { exitCode, stderr } = await spawn(
    'tar',
    [mode, ...faithful, '--file=-', ...others],
    options,
  )
  // it ends well where it could not keep an attribute; a filesystem without any is no failure
  const said = leftOut === undefined ? stderr : leftOut.take(stderr)
  const lines = said.split('\n').filter((line) => line.includes('Cannot'))
  const isRead = exitCode === 0 || (exitCode === 1 && stderr.trim().endsWith(movedMeanwhile))
  if (isRead && lines.every((line) => line.endsWith(': Operation not supported'))) return

  throw new ProgramError(
    `the attributes of the volume's directory cannot be kept: ${stderr.trim()}`,
    stderr,
  )
}
