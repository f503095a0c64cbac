import { link, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Random, contentSource, createRandom } from './random.ts'

const filesEachDirectory = 98
const mostBytes = 12 * 1000
const twinCount = 10
/**
 * A file that changed in the last second, ours compares by content in the snapshot after the next.
 */
const settleMs = 1200

export interface Tree {
  root: string
  /** Regular files with one name each. */
  files: string[]
  /** Regular files with a second name, which is this one with `twinSuffix`. */
  twins: string[]
  random: Random
  /** New content for a file. */
  content: () => Buffer
}

const twinSuffix = '-twin'

/** Makes small files in two levels of directories, with a few hard links among them. */
export async function makeTree(root: string, count: number, signal: AbortSignal): Promise<Tree> {
  const random = createRandom(1)
  const tree: Tree = {
    root,
    files: [],
    twins: [],
    random,
    content: contentSource(random, mostBytes),
  }
  const directories = Math.ceil(count / filesEachDirectory)
  const directoriesEach = Math.ceil(Math.sqrt(directories))
  for (let index = 0; index < directories; index += 1) {
    signal.throwIfAborted()
    const parent = nameOf('d', Math.floor(index / directoriesEach))
    const directory = join(root, parent, nameOf('d', index % directoriesEach))
    const size = Math.min(filesEachDirectory, count - index * filesEachDirectory)
    const paths = Array.from({ length: size }, (_, file) => join(directory, nameOf('f', file)))
    await mkdir(directory, { recursive: true })
    await Promise.all(paths.map((path) => writeFile(path, tree.content())))
    if (index < twinCount) tree.twins.push(...paths.splice(0, 1))
    tree.files.push(...paths)
  }
  await addTwins(tree)
  return tree
}

export async function addTwins({ twins }: Tree): Promise<void> {
  for (const path of twins) await link(path, `${path}${twinSuffix}`)
  await settle()
}

export async function removeTwins({ twins }: Tree): Promise<void> {
  for (const path of twins) await rm(`${path}${twinSuffix}`)
  await settle()
}

/**
 * Until the kernel's clock gives another ctime for sure, and nobody has to think that a write still
 * goes on.
 */
export async function settle(): Promise<void> {
  await sleep(settleMs)
}

function nameOf(kind: string, index: number): string {
  return `${kind}${String(index).padStart(4, '0')}`
}
