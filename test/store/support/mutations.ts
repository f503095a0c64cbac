import { execFileSync } from 'node:child_process'
import {
  type BigIntStats,
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  lstatSync,
  lchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import type { Random } from '../../crash/support/random.ts'

/** Paths with one character a byte, so that names of any bytes can be among them. */
interface Inventory {
  directories: string[]
  files: string[]
  others: string[]
}

type Mutation = (tree: Mutator) => void

const entriesAtStart = 90
const mostEntries = 220
const names = [
  'a',
  'b',
  'c',
  'data',
  '\xff\xfe',
  'new\nline',
  '-rf',
  '#',
  ';',
  '\xc3\xbc',
  ' blank ',
  'x'.repeat(200),
]

/** Changes a tree at random, as applications do and as nobody should. */
export class Mutator {
  readonly #root: string
  readonly random: Random
  readonly #isLimited: boolean
  #made = 0

  /** Where the filesystem is limited, what it refuses is left out. */
  constructor(root: string, random: Random, isLimited = false) {
    this.#root = root
    this.random = random
    this.#isLimited = isLimited
  }

  /** Fills the empty tree. */
  grow(): void {
    for (let index = 0; index < 12; index += 1) this.#do(makeDirectory)
    for (let index = 0; index < entriesAtStart; index += 1) this.#do(createFile)
    for (let index = 0; index < 6; index += 1) {
      for (const mutation of [addName, makeTwins, makeOther]) this.#do(mutation)
    }
  }

  /**
   * Does some mutations and gives the names of those that could be done, for the message of a
   * failure.
   */
  mutate(most = 9): string[] {
    const count = this.below(most) + 1
    return Array.from({ length: count }, () => {
      const [name, mutation] = this.pick(Object.entries(mutations)) ?? ['none', () => undefined]
      return this.#do(mutation) ? [name] : []
    }).flat()
  }

  #do(mutation: Mutation): boolean {
    try {
      mutation(this)
      return true
    } catch (error) {
      if (!isBetweenLayers(error) && !(this.#isLimited && isRefusal(error))) throw error
      return false
    }
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)]
  }

  inventory(): Inventory {
    const inventory: Inventory = { directories: [''], files: [], others: [] }
    const visit = (directory: string): void => {
      for (const name of readdirSync(this.at(directory), { encoding: 'latin1' })) {
        const path = `${directory}${name}`
        const stat = lstatSync(this.at(path))
        if (stat.isDirectory()) {
          inventory.directories.push(`${path}/`)
          visit(`${path}/`)
        } else (stat.isFile() ? inventory.files : inventory.others).push(path)
      }
    }
    visit('')
    return inventory
  }

  at(path: string): Buffer {
    return Buffer.from(`${this.#root}/${path}`, 'latin1')
  }

  stat(path: string): BigIntStats {
    return lstatSync(this.at(path), { bigint: true })
  }

  anyFile(): string | undefined {
    return this.pick(this.inventory().files)
  }

  anyEntry(): string | undefined {
    const { files, others } = this.inventory()
    return this.pick([...files, ...others])
  }

  /** Not the root, and without its last slash. */
  anyDirectory(): string | undefined {
    return this.pick(this.inventory().directories.slice(1))?.slice(0, -1)
  }

  /** A path that nothing has yet. */
  newPath(): string {
    this.#made += 1
    const directory = this.pick(this.inventory().directories) ?? ''
    return `${directory}${this.pick(names)}${this.#made}`
  }

  content(): Buffer {
    const size = this.pick([0, 1, 10, 10, 10, 500, 5000, 70_000]) ?? 0
    return Buffer.alloc(size, `${this.random()}`)
  }

  /**
   * Runs a program on an entry; its name comes last, after the working directory was changed to the
   * root.
   */
  run(program: string, args: readonly string[], path: string): void {
    // node would write other characters than ASCII as UTF-8
    const words = [program, ...args].map((word) => `'${word}'`).join(' ')
    const octal = Array.from(Buffer.from(path, 'latin1'), (byte) => `\\0${byte.toString(8)}`).join(
      '',
    )
    const script = `path=$(printf '%b.' '${octal}'); ${words} "./\${path%.}"`
    execFileSync('sh', ['-c', script], { cwd: this.#root, stdio: ['ignore', 'ignore', 'ignore'] })
  }

  /** Sets the time of last modification, to the nanosecond. */
  touch(path: string, mtimeNs: bigint): void {
    const text = mtimeNs.toString().padStart(10, '0')
    this.run('touch', ['-h', '-c', '-d', `@${text.slice(0, -9)}.${text.slice(-9)}`], path)
  }
}

/** An overlay moves no directory of its lower layer. */
function isBetweenLayers(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'EXDEV'
}

/**
 * Of a filesystem to what it cannot have; programs that were run tell nothing but that they failed.
 */
function isRefusal(error: unknown): boolean {
  const { code, status } = error as { code?: unknown; status?: unknown }
  return typeof status === 'number' || refusals.includes(String(code))
}

const refusals = ['EINVAL', 'EILSEQ', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM']

function makeDirectory(tree: Mutator): void {
  mkdirSync(tree.at(tree.newPath()))
}

function createFile(tree: Mutator): void {
  if (tree.inventory().files.length < mostEntries) {
    writeFileSync(tree.at(tree.newPath()), tree.content())
  }
}

function edit(tree: Mutator): void {
  const path = tree.anyFile()
  if (path === undefined) return
  const act = tree.pick([
    () => writeFileSync(tree.at(path), tree.content()),
    () => appendFileSync(tree.at(path), 'more'),
    () => truncateSync(tree.at(path), tree.below(100)),
  ])
  act?.()
}

/** Other bytes, the same size and time: only the ctime tells. */
function forge(tree: Mutator): void {
  const path = tree.anyFile()
  if (path === undefined) return
  const { size, mtimeNs } = tree.stat(path)
  if (size === 0n) return
  const descriptor = openSync(tree.at(path), 'r+')
  writeSync(descriptor, Buffer.alloc(1, tree.below(256)), 0, 1, tree.below(Number(size)))
  closeSync(descriptor)
  tree.touch(path, mtimeNs)
}

function replaceWithEqualTime(tree: Mutator): void {
  const path = tree.anyFile()
  if (path === undefined) return
  const { size, mtimeNs } = tree.stat(path)
  const temporary = tree.newPath()
  writeFileSync(tree.at(temporary), Buffer.alloc(Number(size), `${tree.random()}`))
  tree.touch(temporary, mtimeNs)
  renameSync(tree.at(temporary), tree.at(path))
}

function changeMode(tree: Mutator): void {
  const path = tree.random() < 0.7 ? tree.anyFile() : tree.anyDirectory()
  if (path !== undefined) chmodSync(tree.at(path), tree.pick([0o600, 0o644, 0o755, 0o4755]) ?? 0)
}

function changeOwner(tree: Mutator): void {
  const path = tree.random() < 0.7 ? tree.anyEntry() : tree.anyDirectory()
  if (path !== undefined) lchownSync(tree.at(path), tree.below(3), tree.below(3))
}

function changeTime(tree: Mutator): void {
  const path = tree.anyEntry()
  if (path !== undefined) tree.touch(path, BigInt(tree.below(2 ** 30)) * 1_000_000_007n)
}

function changeAcl(tree: Mutator): void {
  const path = tree.random() < 0.7 ? tree.anyFile() : tree.anyDirectory()
  if (path === undefined) return
  const rights = tree.pick(['r', 'rw', 'rx']) ?? 'r'
  const isDirectory = tree.stat(path).isDirectory()
  const args = tree.pick([
    ['-m', `u:${tree.below(3) + 1000}:${rights}`],
    isDirectory ? ['-m', `d:u:1000:${rights}`] : ['-b'],
  ])
  tree.run('setfacl', args ?? ['-b'], path)
}

function changeAttribute(tree: Mutator): void {
  const path = tree.random() < 0.7 ? tree.anyFile() : tree.anyDirectory()
  if (path === undefined) return
  tree.run('setfattr', ['-n', `user.k${tree.below(2)}`, '-v', `v${tree.below(4)}`], path)
}

function renameEntry(tree: Mutator): void {
  const path = tree.anyEntry()
  if (path !== undefined) renameSync(tree.at(path), tree.at(tree.newPath()))
}

function renameOver(tree: Mutator): void {
  const [from, to] = [tree.anyFile(), tree.anyFile()]
  if (from !== undefined && to !== undefined) renameSync(tree.at(from), tree.at(to))
}

function renameDirectory(tree: Mutator): void {
  const from = tree.anyDirectory()
  const to = tree.newPath()
  if (from !== undefined && !to.startsWith(`${from}/`)) renameSync(tree.at(from), tree.at(to))
}

function swap(tree: Mutator, one: string, other: string): void {
  if (one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`)) return
  const temporary = tree.at('being swapped')
  renameSync(tree.at(one), temporary)
  try {
    renameSync(tree.at(other), tree.at(one))
  } catch (error) {
    renameSync(temporary, tree.at(one))
    throw error
  }
  renameSync(temporary, tree.at(other))
}

function swapDirectories(tree: Mutator): void {
  const [one, other] = [tree.anyDirectory(), tree.anyDirectory()]
  if (one !== undefined && other !== undefined) swap(tree, one, other)
}

function swapFiles(tree: Mutator): void {
  const [one, other] = [tree.anyFile(), tree.anyFile()]
  if (one !== undefined && other !== undefined) swap(tree, one, other)
}

/** Two files that differ in nothing but content. */
function makeTwins(tree: Mutator): void {
  if (tree.inventory().files.length > mostEntries) return
  const paths = [tree.newPath(), tree.newPath()]
  for (const path of paths) {
    writeFileSync(tree.at(path), Buffer.alloc(64, `${tree.random()}`))
    tree.touch(path, 1_600_000_000_123_456_789n)
  }
}

/** Of the twins, any two: equal in size and time. */
function swapTwins(tree: Mutator): void {
  const twins = tree.inventory().files.filter((path) => {
    const { size, mtimeNs } = tree.stat(path)
    return size === 64n && mtimeNs === 1_600_000_000_123_456_789n
  })
  const [one, other] = [tree.pick(twins), tree.pick(twins)]
  if (one !== undefined && other !== undefined) swap(tree, one, other)
}

/** Directories whose files have the same names: what a path alone does not tell. */
function copyDirectoryAndSwap(tree: Mutator): void {
  const path = tree.anyDirectory()
  if (path === undefined || tree.inventory().files.length > mostEntries) return
  const copy = tree.newPath()
  if (copy.startsWith(`${path}/`)) return
  mkdirSync(tree.at(copy))
  for (const name of readdirSync(tree.at(path), { encoding: 'latin1' })) {
    const file = `${path}/${name}`
    const { size, mtimeNs } = tree.stat(file)
    if (!tree.stat(file).isFile()) continue
    copyFileSync(tree.at(file), tree.at(`${copy}/${name}`))
    writeFileSync(tree.at(`${copy}/${name}`), Buffer.alloc(Number(size), `${tree.random()}`))
    tree.touch(`${copy}/${name}`, mtimeNs)
  }
  swap(tree, path, copy)
}

function addName(tree: Mutator): void {
  const path = tree.anyEntry()
  if (path !== undefined) linkSync(tree.at(path), tree.at(tree.newPath()))
}

/** A copy that looks the same takes the place of one name of a link group. */
function splitGroup(tree: Mutator): void {
  const { files } = tree.inventory()
  const path = tree.pick(files.filter((file) => tree.stat(file).nlink > 1n))
  if (path === undefined) return
  const { mtimeNs, mode } = tree.stat(path)
  const temporary = tree.newPath()
  writeFileSync(tree.at(temporary), readFileSync(tree.at(path)))
  chmodSync(tree.at(temporary), Number(mode & 0o7777n))
  tree.touch(temporary, mtimeNs)
  renameSync(tree.at(temporary), tree.at(path))
}

function removeName(tree: Mutator): void {
  const path = tree.anyEntry()
  if (path !== undefined) unlinkSync(tree.at(path))
}

function removeDirectory(tree: Mutator): void {
  const { directories } = tree.inventory()
  const leaves = directories.filter(
    (one) => !directories.some((other) => other !== one && other.startsWith(one)),
  )
  const path = tree.pick(leaves)
  if (path !== undefined && path !== '') rmSync(tree.at(path.slice(0, -1)), { recursive: true })
}

function makeOther(tree: Mutator): void {
  makeOtherAt(tree, tree.newPath())
}

function makeOtherAt(tree: Mutator, path: string): void {
  if (tree.random() < 0.6) {
    symlinkSync(`${tree.pick(['a', 'b', '/etc/passwd', '.'])}`, tree.at(path))
    if (!isReadable(tree.at(path))) unlinkSync(tree.at(path))
  } else tree.run('mkfifo', [], path)
}

/** sshfs shows a link that leads out of what it shows, and lets nobody read it. */
function isReadable(link: Buffer): boolean {
  try {
    readlinkSync(link)
    return true
  } catch {
    return false
  }
}

function changeType(tree: Mutator): void {
  const path = tree.random() < 0.8 ? tree.anyEntry() : tree.anyDirectory()
  if (path === undefined) return
  rmSync(tree.at(path), { recursive: true })
  const act = tree.pick([
    () => writeFileSync(tree.at(path), tree.content()),
    () => mkdirSync(tree.at(path)),
    () => {
      mkdirSync(tree.at(path))
      writeFileSync(tree.at(`${path}/inside`), tree.content())
    },
    () => makeOtherAt(tree, path),
  ])
  act?.()
}

const mutations: Readonly<Record<string, Mutation>> = {
  makeDirectory,
  createFile,
  edit,
  forge,
  replaceWithEqualTime,
  changeMode,
  changeOwner,
  changeTime,
  changeAcl,
  changeAttribute,
  renameEntry,
  renameOver,
  renameDirectory,
  swapDirectories,
  swapFiles,
  makeTwins,
  swapTwins,
  copyDirectoryAndSwap,
  addName,
  splitGroup,
  removeName,
  removeDirectory,
  makeOther,
  changeType,
}
