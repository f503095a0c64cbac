import { OperationError } from '../errors.ts'
import type { RestoreCounts, RestoreRequest, RestoreStep } from './engine.ts'
import { filesFrom } from './files-from.ts'
import { rsyncCounting } from './rsync-steps.ts'
import { eachPath } from './scan/path-list.ts'
import { watchDirectories } from './watch-directories.ts'

/**
 * Restores the listed paths (NUL after each) and no others; directories above them must be there.
 * Throws OperationError when somebody moved directories of the snapshot meanwhile.
 */
export async function rsyncListed(
  { source, target, lockDescriptor, signal }: RestoreRequest,
  paths: Buffer,
  options: readonly string[] = [],
  output: { onOutput?: (chunk: Buffer) => void } = {},
  onStep?: (step: RestoreStep) => void,
): Promise<RestoreCounts> {
  if (paths.length === 0) return { created: 0, changed: 0, deleted: 0, bytes: 0 }
  const findDoubtful = await watchDirectories(source.here, eachPath(paths))
  const list = filesFrom(paths)
  const counts = await rsyncCounting(
    [...options, ...list.options, '--', `${source.path}/`, './'],
    { cwd: target.cwd, lockDescriptor, signal, input: list.input, ...output },
    onStep,
  )
  if (findDoubtful().size === 0) return counts
  throw new OperationError(
    `somebody moved directories of ${source.path} while they were read: nobody may write there; restore again`,
  )
}

/** Restores the attributes of the root, which cannot be in a list: it would bring its contents along. */
export async function rsyncRoot(
  { source, target, lockDescriptor, signal }: RestoreRequest,
  options: readonly string[] = [],
  onStep?: (step: RestoreStep) => void,
): Promise<void> {
  await rsyncCounting(
    [...options, '--exclude=*', '--', `${source.path}/`, './'],
    { cwd: target.cwd, lockDescriptor, signal },
    onStep,
  )
}
