import { closeSync } from 'node:fs'
import { OperationError } from '../../errors.ts'
import { type BytePath, forPrograms, joinPath, openBelow } from '../../tree/byte-path.ts'
import { isDeep, onTheWay } from '../../tree/depth.ts'
import type { RestoreRequest } from '../engine.ts'
import { filesFrom } from './files-from.ts'
import { type ItemizedChange, rsyncItemized } from './itemized-changes.ts'
import { filtersOfLacking } from '../left-out-attributes.ts'
import { type PathList, eachPath, listPaths } from '../../tree/path-list.ts'
import { compareSparse } from './sparse.ts'
import { watchDirectories } from './guard-directories.ts'

/**
 * Tells which of the files to verify, and directories, of a snapshot the live data have otherwise.
 */
export async function compareContents(
  request: RestoreRequest,
  toVerify: PathList,
  directories: PathList,
  onChange: (change: ItemizedChange) => void,
): Promise<void> {
  const { source, target } = request
  const paths = toVerify.bytes()
  const { dense, same, other } = await compareSparse(
    source.here,
    target.here,
    paths,
    (path) => path,
  )

  for (const path of eachPath(other.bytes())) {
    onChange({ action: 'change', path, isDirectory: false, isHidden: false })
  }

  await compareListed(request, same.bytes(), [], onChange)
  const all = Buffer.concat([dense.bytes(), directories.bytes()])
  await compareListed(request, all, ['--checksum'], onChange)
}

/**
 * Compares the listed paths (NUL after each) of a snapshot with the live data by all that rsync
 * keeps; changes nothing. Throws OperationError when somebody moved directories of the snapshot
 * meanwhile.
 */
async function compareListed(
  { source, target, lacking, lockDescriptor, signal }: RestoreRequest,
  paths: Buffer,
  options: readonly string[],
  onChange: (change: ItemizedChange) => void,
): Promise<void> {
  if (paths.length === 0) return
  const findSwapped = await watchDirectories(source.here, eachPath(paths), true)
  const compare = async (from: string, to: string, list: Uint8Array, at: BytePath) => {
    const { options: listed, input } = filesFrom(list)
    await rsyncItemized(
      ['--dry-run', ...filtersOfLacking(lacking), ...options, ...listed, '--', `${from}/`, './'],
      { cwd: to, lockDescriptor, signal, input },
      (change) => onChange({ ...change, path: joinPath(at, change.path) }),
    )
  }

  if (!isDeep(paths)) await compare(source.path, target.cwd, paths, '')
  else {
    for (const [directory, inside] of Map.groupBy(eachPath(paths), onTheWay)) {
      using opened = new DisposableStack()
      const places = [source, target].map(({ here }) => openBelow(here, directory))
      for (const place of places) if (place !== undefined) opened.adopt(place, closeSync)

      const [from, to] = places
      if (from === undefined || to === undefined) continue

      const names = inside.map((path) => path.slice(joinPath(directory, '').length))
      await compare(forPrograms(from), forPrograms(to), listPaths(names), directory)
    }
  }

  if (findSwapped().size === 0) return
  throw new OperationError(`somebody moved directories of ${source.path} while they were read`, {
    fix: 'nobody may write there; restore again',
  })
}

/** Compares the roots, which cannot be in a list: it would bring their contents along. */
export async function compareRoots(
  { source, target, lacking, lockDescriptor, signal }: RestoreRequest,
  onChange: (change: ItemizedChange) => void,
): Promise<void> {
  const options = { cwd: target.cwd, lockDescriptor, signal }
  await rsyncItemized(
    ['--dry-run', ...filtersOfLacking(lacking), '--exclude=*', '--', `${source.path}/`, './'],
    options,
    onChange,
  )
}

/** Gives one directory, an open one, all attributes of another. */
export async function rsyncAttributes(
  { lacking, lockDescriptor, signal, leftOut }: RestoreRequest,
  from: BytePath,
  to: BytePath,
): Promise<void> {
  const options = { cwd: to, lockDescriptor, signal, leftOut }
  const words = [...filtersOfLacking(lacking), '--exclude=*', '--', `${from}/`, './']
  await rsyncItemized(words, options, () => undefined)
}
