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
  rmdirSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { filesFrom } from '../../copy/programs/files-from.ts'
import { rsync } from '../../copy/programs/rsync-command.ts'
import { InterruptedError, OperationError, errorCode, messageOf } from '../../errors.ts'
import { syncFilesystem } from '../../store/durable.ts'
import { discardStaging } from '../../store/staging.ts'
import { setTimes } from '../../system/set-times.ts'
import {
  type BytePath,
  bytePath,
  displayPath,
  forPrograms,
  joinPath,
  lstatIfThere,
  nameOf,
  openBelow,
  parentOf,
  systemPath,
  throughDescriptor,
} from '../../tree/byte-path.ts'
import { openEntryBelow } from '../../tree/file-below.ts'
import { listPaths } from '../../tree/path-list.ts'
import { copyAttributes } from '../../verify/copy-attributes.ts'
import {
  type DigestTable,
  type FileDigest,
  nameOf as nameOfKey,
} from '../../verify/digest-table.ts'
import type { Manifests } from '../../verify/manifest.ts'
import { rewriteDifferences } from '../../verify/rewrite-differences.ts'
import { type ActionContext, type WriterContext, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { type Damage, isOfFile } from './damage.ts'
import {
  type FoundPlace,
  type GoodCopies,
  type Likeness,
  type Place,
  live,
  lookAtEntry,
} from './good-copies.ts'
import { keyBelow } from './stored-tree.ts'

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
 * 1. a damaged file is written in place, from a copy with the digest of what was there, and only
 *    where it differs, so that all snapshots that share it have it back; a crash leaves it less
 *    damaged
 * 2. attributes are set, and nothing else is written for them
 * 3. what is missing, or another file, is linked to where it still is, or copied, and comes to its
 *    place by one rename; the directory that it is in keeps its time
 */
export async function repairDamage(
  context: ActionContext,
  request: RepairRequest,
): Promise<Damage[]> {
  return asWriter(context, 'verify --repair', async (writer) => {
    await discardStaging(writer.store)
    const repaired = []
    for (const damage of inOrder(request.damage)) {
      repaired.push(await new Repair(writer, request, damage).run())
    }
    await syncFilesystem(writer.store.directory)
    return repaired
  })
}

/** Files before what is linked to them, and directories before what is missing in them. */
function inOrder(damage: readonly Damage[]): Damage[] {
  return damage.toSorted(
    (one, other) =>
      Number(isOfFile(other.what)) - Number(isOfFile(one.what)) ||
      snapshotOf(one).localeCompare(snapshotOf(other)) ||
      one.path.length - other.path.length,
  )
}

/** The first that has it, through which it is repaired. */
function snapshotOf({ snapshots }: Damage): string {
  return snapshots[0] ?? ''
}

/** Of one damaged path. */
class Repair {
  readonly #context: WriterContext
  readonly #request: RepairRequest
  readonly #damage: Damage

  constructor(context: WriterContext, request: RepairRequest, damage: Damage) {
    this.#context = context
    this.#request = request
    const { volume, path } = damage
    // it may have got another one with another of its names
    const key = request.manifests.keyAt(snapshotOf(damage), volume, path)
    this.#damage = { ...damage, key: key ?? damage.key }
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
      await (isOfFile(damage.what) ? this.#mend(known) : this.#putBack(known, place))
      const likeness = await this.#look(known)
      repaired = likeness?.content === true && likeness.metadata
    } catch (error) {
      if (error instanceof InterruptedError) throw error
      await this.#tell(error)
    }
    return { ...damage, goodCopy: place.name, repaired }
  }

  async #tell(error: unknown): Promise<void> {
    const { store, emit } = this.#context
    const path = `${this.#root}/${displayPath(this.#damage.path)}`
    const why = await explainFailure(error, inStore(store.directory), 'it stays damaged')
    emit({
      type: 'warning',
      code: 'not-repaired',
      message: `${path} was not repaired: ${messageOf(why)}`,
    })
  }

  get #root(): string {
    const { volume } = this.#damage
    return join(this.#context.store.directory, snapshotOf(this.#damage), volume)
  }

  get #own(): { root: BytePath; path: BytePath } {
    return { root: bytePath(this.#root), path: this.#damage.path }
  }

  get #name(): BytePath {
    return nameOf(this.#damage.path)
  }

  async #look(known: FileDigest): Promise<Likeness | undefined> {
    return lookAtEntry(this.#root, this.#damage.path, known, this.#context.signal)
  }

  /** Gives a file its content and its attributes back, each where it is not what it was. */
  async #mend(known: FileDigest): Promise<void> {
    const found = await this.#look(known)
    if (found?.content !== true) await this.#rewrite(known, await this.#find('content', known))
    const written = await this.#look(known)
    if (written?.metadata === true) return

    const { root, path } = await this.#find('metadata', known)
    await this.#giveAttributes({ root: bytePath(root), path })
  }

  async #find(what: 'content' | 'metadata', known: FileDigest): Promise<FoundPlace> {
    const place = await this.#request.copies.find({ ...this.#damage, what }, known)
    if (place !== undefined) return place
    throw new OperationError(`no copy has its ${what === 'content' ? 'content' : 'attributes'}`)
  }

  async #giveAttributes(from: { root: BytePath; path: BytePath }): Promise<void> {
    const { lock, signal } = this.#context
    using opened = new DisposableStack()
    const open = (place: { root: BytePath; path: BytePath }): number => {
      const descriptor = openEntryBelow(place)
      if (descriptor === undefined) throw new OperationError('it is gone')
      return opened.adopt(descriptor, closeSync)
    }
    await copyAttributes(open(from), open(this.#own), { descriptor3: lock.descriptor, signal })
  }

  /**
   * By a copy of its own, which is looked at before: the live data may change while they are read.
   * The attributes are those of before: to write takes capabilities away.
   */
  async #rewrite(known: FileDigest, place: Place): Promise<void> {
    const { lock, signal } = this.#context
    await this.#inRoom(async (room) => {
      using parents = openParents(place, this.#own)
      const copy = joinPath(bytePath(room), this.#name)
      const good = joinPath(throughDescriptor(parents.from), nameOf(place.path))
      copyFileSync(systemPath(good), systemPath(copy), COPYFILE_FICLONE)
      const likeness = await lookAtEntry(room, this.#name, known, signal)
      if (likeness?.content !== true) throw new OperationError('the copy is not what was there')

      using opened = new DisposableStack()
      const open = (path: BytePath, flags: number): number =>
        opened.adopt(openSync(systemPath(path), flags | O_NOFOLLOW | O_NONBLOCK), closeSync)
      const wanted = open(copy, O_RDONLY)
      const damaged = open(joinPath(throughDescriptor(parents.to), this.#name), O_RDWR)
      const options = { descriptor3: lock.descriptor, signal }
      await copyAttributes(damaged, wanted, options)
      rewriteDifferences(wanted, damaged)
      await copyAttributes(wanted, damaged, options)
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

  /**
   * Puts an entry where it was. One that is as good stays, when nothing shares what was there, and so
   * does a directory: what is in it is compared by itself.
   */
  async #putBack(known: FileDigest, place: FoundPlace): Promise<void> {
    const there = await this.#look(known)
    const isItself = place.root === this.#root && place.path === this.#damage.path
    if (place.type === 'd' && there?.type === 'd') {
      await this.#giveAttributes({ root: bytePath(place.root), path: place.path })
    } else if (!isItself) await this.#replace(known, place)
    this.#note(known)
  }

  async #replace(known: FileDigest, place: FoundPlace): Promise<void> {
    const { lock, signal } = this.#context
    using parents = openParents(place, this.#own)
    await this.#inRoom(async (room) => {
      const made = await this.#makeIn(room, parents.from, place)
      const likeness = await lookAtEntry(room, nameOf(place.path), known, signal)
      if (likeness?.content !== true || !likeness.metadata) {
        throw new OperationError('the copy is not what was there')
      }

      const { mtimeNs } = fstatSync(parents.to, { bigint: true })
      const to = joinPath(throughDescriptor(parents.to), this.#name)
      makeWay(to, place.type === 'd')
      renameSync(systemPath(made), systemPath(to))
      const times = [{ path: forPrograms(parents.to), ns: mtimeNs }]
      await setTimes(times, { descriptor3: lock.descriptor, signal })
      fsyncSync(parents.to)
    })
  }

  /** Gives the path of what it made, which is on the disk. */
  async #makeIn(room: string, from: number, place: FoundPlace): Promise<BytePath> {
    const name = nameOf(place.path)
    const made = joinPath(bytePath(room), name)
    if (this.#canBeLinked(place)) {
      linkSync(systemPath(joinPath(throughDescriptor(from), name)), systemPath(made))
      return made
    }

    const { lock, signal } = this.#context
    const { options, input } = filesFrom(listPaths([name]))
    const words = [...options, '--', `${forPrograms(from)}/`, './']
    await rsync(words, { cwd: room, lockDescriptor: lock.descriptor, input, signal })
    if (place.type === 'f') {
      const descriptor = openSync(systemPath(made), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      try {
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    }
    return made
  }

  /** A file of a snapshot, unless it would become one with another file of this snapshot. */
  #canBeLinked(place: FoundPlace): boolean {
    const { copies, manifests } = this.#request
    const { volume, key } = this.#damage
    if (place.name === live || place.type === 'd') return false
    if (copies.isAt(place, key)) return true
    const found = keyBelow({ root: bytePath(place.root), path: place.path }, this.#store)
    const others = found && manifests.namesOf(snapshotOf(this.#damage), volume, nameOfKey(found))
    return others?.length === 0
  }

  get #store(): string {
    return this.#context.store.directory
  }

  /** Which file it is now, and all its names are to be again, for the next repair. */
  #note(known: FileDigest): void {
    const { store } = this.#context
    const { table, manifests } = this.#request
    const { key: before, volume } = this.#damage
    const key = keyBelow(this.#own, store.directory)
    if (key === undefined) return

    if (table.get(nameOfKey(key)) === undefined) table.add(key, known)
    table.flush()
    manifests.exchange(snapshotOf(this.#damage), volume, before, nameOfKey(key))
    // it tells which inodes the snapshot has
    rmSync(store.usageCache, { force: true })
  }
}

/**
 * Removes what is of another kind than what comes into its place; a rename replaces the others.
 * Throws OperationError for a directory in which something is.
 */
function makeWay(path: BytePath, forDirectory: boolean): void {
  const there = lstatIfThere(path)
  if (there === undefined || there.isDirectory() === forDirectory) return
  if (!there.isDirectory()) {
    unlinkSync(systemPath(path))
    return
  }
  try {
    rmdirSync(systemPath(path))
  } catch (error) {
    if (errorCode(error) !== 'ENOTEMPTY') throw error
    throw new OperationError('a directory is in its place, and something is in that', {
      cause: error,
      fix: 'remove the directory, then repair again',
    })
  }
}

interface Parents extends Disposable {
  from: number
  to: number
}

/** The directories of two places, open. Throws OperationError where one is not there. */
function openParents(
  from: Pick<Place, 'root' | 'path'>,
  to: { root: BytePath; path: BytePath },
): Parents {
  using opened = new DisposableStack()
  const open = (root: BytePath, path: BytePath): number => {
    const descriptor = openBelow(root, parentOf(path))
    if (descriptor === undefined) throw new OperationError('its directory is gone')
    return opened.adopt(descriptor, closeSync)
  }

  const parents = { from: open(bytePath(from.root), from.path), to: open(to.root, to.path) }
  const stack = opened.move()
  return { ...parents, [Symbol.dispose]: () => stack.dispose() }
}
