import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { listTree } from '../../diff/list-tree.ts'
import { filesFrom } from '../../copy/programs/files-from.ts'
import { rsync } from '../../copy/programs/rsync-command.ts'
import { InterruptedError, OperationError, messageOf } from '../../errors.ts'
import { setTimes } from '../../system/set-times.ts'
import {
  type BytePath,
  bytePath,
  displayPath,
  forPrograms,
  joinPath,
  nameOf,
  openBelow,
  parentOf,
  systemPath,
  throughDescriptor,
} from '../../tree/byte-path.ts'
import { listPaths } from '../../tree/path-list.ts'
import {
  type DigestTable,
  type FileDigest,
  nameOf as nameOfKey,
} from '../../verify/digest-table.ts'
import type { Manifests } from '../../verify/manifest.ts'
import { readBirths } from '../../verify/read-births.ts'
import { rewriteDifferences } from '../../verify/rewrite-differences.ts'
import { type ActionContext, type WriterContext, asWriter } from '../context.ts'
import { type Damage, isOfFile } from './damage.ts'
import { type FoundPlace, type GoodCopies, type Place, live, lookAtEntry } from './good-copies.ts'
import { keyOf } from './stored-tree.ts'

const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK, COPYFILE_FICLONE } = constants

export interface RepairRequest {
  damage: readonly Damage[]
  copies: GoodCopies
  table: DigestTable
  manifests: Manifests
}

/**
 * Puts a good copy in the place of what is damaged, and compares the outcome with what was there
 * when it was first read. `added` is left alone, and so is what has no good copy.
 *
 * 1. what is missing, or another file, is linked from the snapshot that has it, or copied from the
 *    live data, and comes to its place by one rename
 * 2. a damaged file is written in place, and only where it differs, so that all snapshots that
 *    share it have it back; a crash leaves it less damaged
 * 3. directories come last, because what is put into them moves their times
 */
export async function repairDamage(
  context: ActionContext,
  request: RepairRequest,
): Promise<Damage[]> {
  return asWriter(context, 'verify --repair', async (writer) => {
    const repaired = []
    for (const damage of inOrder(request.damage)) {
      repaired.push(await new Repair(writer, request, damage).run())
    }
    return repaired
  })
}

/** Directories before what is missing in them, and their attributes after all. */
function inOrder(damage: readonly Damage[]): Damage[] {
  const [attributes, others] = [
    damage.filter(({ what }) => what === 'metadata'),
    damage.filter(({ what }) => what !== 'metadata'),
  ]
  return [...others.toSorted(byLength), ...attributes.toSorted(byLength).toReversed()]
}

function byLength(one: Damage, other: Damage): number {
  return one.path.length - other.path.length
}

/** Of one damaged path. */
class Repair {
  readonly #context: WriterContext
  readonly #request: RepairRequest
  readonly #damage: Damage

  constructor(context: WriterContext, request: RepairRequest, damage: Damage) {
    this.#context = context
    this.#request = request
    this.#damage = damage
  }

  async run(): Promise<Damage> {
    const { copies, table } = this.#request
    const damage = this.#damage
    const known = table.get(damage.key)
    const place =
      known === undefined || damage.what === 'added' ? undefined : await copies.find(damage, known)
    if (known === undefined || place === undefined) {
      return { ...damage, goodCopy: null, repaired: false }
    }

    let repaired = false
    try {
      await (isOfFile(damage.what) ? this.#mend(known, place) : this.#putBack(known, place))
      repaired = await this.#isGood(known)
    } catch (error) {
      if (error instanceof InterruptedError) throw error
      const path = join(damage.snapshots[0] ?? '', damage.volume, displayPath(damage.path))
      this.#context.emit({
        type: 'warning',
        code: 'not-repaired',
        message: `${path} was not repaired: ${messageOf(error)}`,
      })
    }
    return { ...damage, goodCopy: place.name, repaired }
  }

  get #root(): string {
    const { snapshots, volume } = this.#damage
    return join(this.#context.store.directory, snapshots[0] ?? '', volume)
  }

  get #name(): BytePath {
    return nameOf(this.#damage.path)
  }

  async #isGood(known: FileDigest): Promise<boolean> {
    const { signal } = this.#context
    const likeness = await lookAtEntry(this.#root, this.#damage.path, known, signal)
    return likeness?.content === true && likeness.metadata
  }

  /** Writes a damaged file in place, and gives an entry its attributes back. */
  async #mend(known: FileDigest, place: Place): Promise<void> {
    const { path } = this.#damage
    if (this.#damage.what === 'content') await this.#rewrite(known, place)
    const written = await lookAtEntry(this.#root, path, known, this.#context.signal)
    if (written?.metadata === true) return

    const attributes = await this.#request.copies.find({ ...this.#damage, what: 'metadata' }, known)
    if (attributes === undefined) throw new OperationError('no copy has its attributes')
    using parents = openParents(attributes.root, this.#root, path)
    await this.#copyOne(parents.from, parents.to)
  }

  /**
   * By a copy of its own, which is looked at before: the live data may change while they are read.
   * The time is that of before.
   */
  async #rewrite(known: FileDigest, place: Place): Promise<void> {
    const { lock, signal } = this.#context
    await this.#inRoom(async (room) => {
      using parents = openParents(place.root, this.#root, this.#damage.path)
      const copy = joinPath(bytePath(room), this.#name)
      const good = joinPath(throughDescriptor(parents.from), this.#name)
      copyFileSync(systemPath(good), systemPath(copy), COPYFILE_FICLONE)
      const likeness = await lookAtEntry(room, this.#name, known, signal)
      if (likeness?.content !== true) throw new OperationError('the copy is not what was there')

      using opened = new DisposableStack()
      const open = (path: BytePath, flags: number): number =>
        opened.adopt(openSync(systemPath(path), flags | O_NOFOLLOW | O_NONBLOCK), closeSync)
      const wanted = open(copy, O_RDONLY)
      const damaged = open(joinPath(throughDescriptor(parents.to), this.#name), O_RDWR)
      const { mtimeNs } = fstatSync(damaged, { bigint: true })
      rewriteDifferences(wanted, damaged)
      const times = [{ path: forPrograms(damaged), ns: mtimeNs }]
      await setTimes(times, { descriptor3: lock.descriptor, signal })
    })
  }

  /** Runs `work` with a directory that nobody else can reach, on the filesystem of the store. */
  async #inRoom(work: (room: string) => Promise<void>): Promise<void> {
    const room = join(this.#context.store.staging, `repair-${randomUUID()}`)
    mkdirSync(room, { mode: 0o700 })
    try {
      await work(room)
    } finally {
      rmSync(room, { recursive: true, force: true })
    }
  }

  /** Puts an entry where it was; the directory that it is in keeps its time. */
  async #putBack(known: FileDigest, place: FoundPlace): Promise<void> {
    const { lock, signal } = this.#context
    using parents = openParents(place.root, this.#root, this.#damage.path)
    await this.#inRoom(async (room) => {
      await this.#makeIn(room, parents.from, place)
      const likeness = await lookAtEntry(room, this.#name, known, signal)
      if (likeness?.content !== true || !likeness.metadata) {
        throw new OperationError('the copy is not what was there')
      }

      const { mtimeNs } = fstatSync(parents.to, { bigint: true })
      const to = joinPath(throughDescriptor(parents.to), this.#name)
      renameSync(systemPath(joinPath(bytePath(room), this.#name)), systemPath(to))
      const times = [{ path: forPrograms(parents.to), ns: mtimeNs }]
      await setTimes(times, { descriptor3: lock.descriptor, signal })
      fsyncSync(parents.to)
    })
    await this.#note(parents.to, known)
  }

  /** A file of another snapshot is linked: it is the same one. */
  async #makeIn(room: string, from: number, { name, type }: FoundPlace): Promise<void> {
    if (name !== live && type !== 'd') {
      const good = joinPath(throughDescriptor(from), this.#name)
      linkSync(systemPath(good), systemPath(joinPath(bytePath(room), this.#name)))
      return
    }
    const descriptor = openSync(room, O_RDONLY)
    try {
      await this.#copyOne(from, descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  /** Which file it is now, for the next run. */
  async #note(directory: number, known: FileDigest): Promise<void> {
    const { store, signal } = this.#context
    const { table, manifests } = this.#request
    const { path, snapshots, volume } = this.#damage
    const cwd = forPrograms(directory)
    const entries = await listTree(cwd, signal, 1)
    const births = await readBirths(cwd, [this.#name], signal)
    const entry = entries.get(this.#name)
    const [snapshot = ''] = snapshots
    const manifest = manifests.read(snapshot, volume)
    if (entry === undefined || manifest === undefined) return

    const key = keyOf({ births, isSubvolume: false }, entry)
    if (table.get(nameOfKey(key)) === undefined) table.add(key, known)
    table.flush()
    manifest.set(path, nameOfKey(key))
    manifests.write(snapshot, volume, manifest)
    // it tells which inodes the snapshot has
    rmSync(store.usageCache, { force: true })
  }

  /** By rsync, in place: content where size or time differ, and all attributes. */
  async #copyOne(from: number, to: number): Promise<void> {
    const { lock, signal } = this.#context
    const { options, input } = filesFrom(listPaths([this.#name === '' ? '.' : this.#name]))
    const words = ['--inplace', ...options, '--', `${forPrograms(from)}/`, './']
    const cwd = forPrograms(to)
    await rsync(words, { cwd, lockDescriptor: lock.descriptor, input, signal })
  }
}

interface Parents extends Disposable {
  from: number
  to: number
}

/** The directories of a path below two roots, open. Throws OperationError where one is not there. */
function openParents(from: string, to: string, path: BytePath): Parents {
  using opened = new DisposableStack()
  const open = (root: string): number => {
    const descriptor = openBelow(bytePath(root), parentOf(path))
    if (descriptor === undefined) throw new OperationError('its directory is gone')
    return opened.adopt(descriptor, closeSync)
  }

  const parents = { from: open(from), to: open(to) }
  const stack = opened.move()
  return { ...parents, [Symbol.dispose]: () => stack.dispose() }
}
