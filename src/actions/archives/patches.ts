import { closeSync, fstatSync, lstatSync, openSync } from 'node:fs'
import { ProgramError } from '../../errors.ts'
import { spawn } from '../../system/spawn.ts'
import { type BytePath, displayPath, forPrograms, systemPath } from '../../tree/byte-path.ts'
import type { ListedEntry } from '../../diff/list-tree.ts'
import { type ArchivedTree, countNames } from './archived-tree.ts'
import type { FileDigests } from './file-digests.ts'

/** Below this a file goes whole: a patch would save little, and each costs a process. */
const smallestPatched = 1024 * 1024

/** A large file of which the archive holds what differs. */
export interface Patch {
  path: BytePath
  /** Its file, in the directory of patches. */
  number: number
  /** SHA-256 of the content before and after. */
  from: string
  to: string
}

/**
 * Whether a patch may do: both have one name, so that no link group changes, and no holes, which a
 * patch does not keep.
 */
export function largeOnes(
  before: ArchivedTree,
  after: ArchivedTree,
): (path: BytePath, one: ListedEntry, other: ListedEntry) => boolean {
  const [had, has] = [countNames(before.entries), countNames(after.entries)]
  return (path, one, other) =>
    Number(other.size) >= smallestPatched &&
    Number(one.size) > 0 &&
    had.get(one.inode) === 1 &&
    has.get(other.inode) === 1 &&
    !hasHoles(after, path)
}

function hasHoles({ handle }: ArchivedTree, path: BytePath): boolean {
  const { size, blocks } = lstatSync(systemPath(`${handle.here}/${path}`))
  return blocks * 512 < size
}

interface Patching {
  before: ArchivedTree
  after: ArchivedTree
  /** Where the patches are made. */
  directory: string
  digests: FileDigests
  signal: AbortSignal | undefined
}

/**
 * Makes the patches (VCDIFF, RFC 3284) of these files; those that would be larger than half of
 * their file are left out. Each has the attributes of its file.
 */
export async function makePatches(
  patching: Patching,
  paths: readonly BytePath[],
): Promise<Patch[]> {
  const patches: Patch[] = []
  for (const path of paths) {
    const number = patches.length + 1
    const isSmaller = await makePatch(patching, path, `${patching.directory}/${number}`)
    if (!isSmaller) continue
    const { before, after, digests } = patching
    const [from, to] = [await digests.ofFile(before, path), await digests.ofFile(after, path)]
    patches.push({ path, number, from, to })
  }
  return patches
}

/**
 * `-S none` for no second compression, `-A=` for no names of files, `-D` because it would unpack
 * what is compressed by other programs (xdelta3(1)). The windows bound its memory.
 */
const encoding = [
  '-e',
  '-1',
  '-q',
  '-f',
  '-S',
  'none',
  '-A=',
  '-D',
  '-B',
  '67108864',
  '-W',
  '1048576',
]

async function makePatch(
  { before, after, signal }: Patching,
  path: BytePath,
  target: string,
): Promise<boolean> {
  // Node takes arguments of programs as UTF-8 text, and a path may have any bytes
  using opened = new DisposableStack()
  const [from, to] = [before, after].map(({ handle }) =>
    opened.adopt(openSync(systemPath(`${handle.here}/${path}`), 'r'), closeSync),
  )
  if (from === undefined || to === undefined) return false

  const [base, result] = [forPrograms(from), forPrograms(to)]
  await run('xdelta3', [...encoding, '-s', base, result, target], path, signal)
  if (lstatSync(target).size * 2 > fstatSync(to).size) return false

  // -L, because it is reached through a link of /proc
  await run('cp', ['-L', '--attributes-only', '--preserve=all', '--', result, target], path, signal)
  return true
}

async function run(
  program: string,
  words: readonly string[],
  path: BytePath,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { exitCode, stderr } = await spawn(program, words, { signal })
  if (exitCode === 0) return
  throw new ProgramError(
    `what changed in ${displayPath(path)} cannot be written: ${program}: ${stderr.trim()}`,
    stderr,
  )
}
