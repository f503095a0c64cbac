import { createHash } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { type ListedEntry, listTree, nanosecondsOf } from '../../diff/list-tree.ts'
import { type Attributes, readAttributes } from '../../diff/read-attributes.ts'
import { OperationError, errorCode } from '../../errors.ts'
import {
  type Catalog,
  type DamagedSnapshot,
  type Snapshot,
  findDamaged,
  readCatalog,
} from '../../store/catalog.ts'
import { type StoreLayout, recordFileName } from '../../store/layout.ts'
import { acquireLock } from '../../store/lock.ts'
import { formatSnapshotName } from '../../store/names.ts'
import { parseTime, resolveReference } from '../../store/references.ts'
import { type BytePath, bytePath, isGone, joinPath } from '../../tree/byte-path.ts'
import { digestOf } from '../../tree/digest.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { yielding } from '../../tree/yielding.ts'
import { readBirths } from '../../verify/read-births.ts'
import { DigestTable, type FileKey, nameOf, noContent } from '../../verify/digest-table.ts'
import { type Manifest, Manifests } from '../../verify/manifest.ts'
import type { ActionContext } from '../context.ts'
import { reportProgress } from '../report-progress.ts'

export interface VerifyOptions {
  /** Empty for all. */
  references: readonly string[]
  /** Of how many percent of the files the contents are read. */
  samplePercent: number
  /** Only this snapshot and newer ones. */
  since: string | undefined
}

/** Something in a snapshot is not what it was when it was first read. */
export interface Damage {
  volume: string
  path: BytePath
  what: 'content' | 'metadata' | 'missing' | 'added' | 'replaced'
  /** All that have this damaged file, oldest first. */
  snapshots: string[]
}

export interface Verified {
  /** How many snapshots were compared, and how many were read for the first time. */
  compared: number
  recorded: number
  /** How many files had no digest yet, and got one. */
  firstRead: number
  /** How many contents were read, each once for all snapshots that share it. */
  read: number
  damage: Damage[]
}

/**
 * Compares stored files with what they were when they were first read, so that it finds bit rot and
 * whatever somebody wrote into history:
 *
 * 1. a snapshot that was never looked at is recorded: which file each path is, and the digest of
 *    each file that no snapshot before it had
 * 2. of any other one each path has to be the file that it was, with the metadata and the content
 * 3. the digests of files that no snapshot has any more are forgotten
 *
 * A file is told by its inode and its birth, which nobody can set, so a later file with the same
 * inode number is another one. Throws OperationError where the filesystem tells no birth.
 */
export async function verify(context: ActionContext, options: VerifyOptions): Promise<Verified> {
  const { store, signal } = context
  const lock = await acquireLock(store.verifyLock, {
    timeoutMs: 0,
    purpose: 'verify',
    signal,
  })
  try {
    return await new Verification(context, options).run()
  } finally {
    lock.release()
  }
}

class Verification {
  readonly #context: ActionContext
  readonly #options: VerifyOptions
  readonly #all: readonly Snapshot[]
  readonly #lost: readonly DamagedSnapshot[]
  readonly #table: DigestTable
  readonly #manifests: Manifests
  /** Keys of files whose contents were compared or read in this run, with what came out. */
  readonly #looked = new Map<string, Damage['what'] | undefined>()
  readonly #seen = new Set<string>()
  readonly #found = new Map<string, { damage: Damage; key: string }>()
  readonly #result: Verified = {
    compared: 0,
    recorded: 0,
    firstRead: 0,
    read: 0,
    damage: [],
  }

  constructor(context: ActionContext, options: VerifyOptions) {
    this.#context = context
    this.#options = options
    const { snapshots, damaged } = readCatalog(context.store)
    this.#all = snapshots
    this.#lost = damaged
    this.#table = new DigestTable(context.store.digests)
    this.#manifests = new Manifests(context.store.manifests)
    this.#manifests.keepOnly(new Set([...snapshots, ...damaged].map(({ name }) => name)))
  }

  async run(): Promise<Verified> {
    const chosen = this.#choose()
    const progress = reportProgress(this.#context, 'verify')
    for (const [index, snapshot] of chosen.entries()) {
      for (const { id } of snapshot.record.volumes) await this.#lookAt(snapshot, id)
      this.#table.flush()
      progress.onProgress({
        files: index + 1,
        totalFiles: chosen.length,
        bytes: 0,
        fraction: (index + 1) / chosen.length,
      })
    }

    progress.end()
    const isWhole = chosen.length === this.#all.length && this.#lost.length === 0
    if (isWhole) this.#table.keepOnly(this.#seen)
    return { ...this.#result, damage: this.#found.size === 0 ? [] : this.#listDamage() }
  }

  /** Tells of those whose data or record are gone, because there is nothing to look at. */
  #choose(): Snapshot[] {
    const { references, since } = this.#options
    const { store, clock } = this.#context
    const now = clock.now()
    const catalog = readCatalog(store)
    const named = references.map(
      (one) => findDamaged(catalog, one)?.name ?? resolveReference(catalog, one, now).name,
    )
    const from = since === undefined ? '' : firstNameSince(catalog, since, now)
    const isChosen = ({ name }: { name: string }): boolean =>
      (named.length === 0 || named.includes(name)) && name >= from

    for (const { name, snapshot } of this.#lost.filter(isChosen)) {
      const volumes = snapshot?.record.volumes.map(({ id }) => id) ?? ['']
      for (const id of volumes) this.#tell(name, id, '', 'missing')
    }
    return this.#all.filter(isChosen)
  }

  async #lookAt(snapshot: Snapshot, volume: string): Promise<void> {
    const root = join(snapshot.path, volume)
    try {
      using opened = openDirectory(root)
      const entries = await listTree(opened.cwd, this.#context.signal)
      const isSubvolume =
        lstatSync(`${opened.here}/.`).dev !== lstatSync(this.#context.store.directory).dev
      const births = await readBirths(opened.cwd, [...entries.keys()], this.#context.signal)
      const tree = { here: opened.here, cwd: opened.cwd, entries, births, isSubvolume }
      const manifest = this.#manifests.read(snapshot.name, volume)
      if (manifest === undefined) await this.#record(snapshot.name, volume, tree)
      else await this.#compare(snapshot.name, volume, tree, manifest)
    } catch (error) {
      // removed meanwhile
      if (isThere(this.#context.store, snapshot.name)) throw error
    }
  }

  async #record(snapshot: string, volume: string, tree: StoredTree): Promise<void> {
    const manifest: Manifest = new Map()
    for (const [path, entry] of tree.entries) {
      const key = nameOf(keyOf(tree, entry))
      manifest.set(path, key)
      this.#seen.add(key)
    }

    const found = await this.#lookAtFiles(tree, [...tree.entries.keys()])
    if (!isThere(this.#context.store, snapshot)) return
    // the rows first: a manifest says that its files have one
    this.#table.flush()
    this.#manifests.write(snapshot, volume, manifest)
    for (const [path, what] of found) this.#tell(snapshot, volume, path, what, manifest.get(path))
    this.#result.recorded += 1
  }

  /** Each file once, whichever snapshots have it; one that has no digest yet gets one. */
  async #lookAtFiles(
    tree: StoredTree,
    paths: readonly BytePath[],
  ): Promise<Map<BytePath, Damage['what']>> {
    const found = new Map<BytePath, Damage['what']>()
    const attributes = await readAttributes(tree.cwd, paths, this.#context.signal)
    for await (const path of yielding(paths, this.#context.signal)) {
      const entry = tree.entries.get(path)
      if (entry === undefined) continue
      const what = await this.#lookAtFile(tree, path, entry, attributes.get(path))
      if (what !== undefined) found.set(path, what)
    }
    return found
  }

  async #lookAtFile(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
    attributes: Attributes | undefined,
  ): Promise<Damage['what'] | undefined> {
    const key = keyOf(tree, entry)
    if (this.#looked.has(nameOf(key))) return this.#looked.get(nameOf(key))

    const known = this.#table.get(key)
    const what =
      known === undefined
        ? await this.#addDigest(tree, path, entry, attributes)
        : await this.#judge(tree, path, entry, attributes, known)
    this.#looked.set(nameOf(key), what)
    if (this.#looked.size % flushEach === 0) this.#table.flush()
    return what
  }

  async #addDigest(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
    attributes: Attributes | undefined,
  ): Promise<Damage['what'] | undefined> {
    const content = await this.#contentOf(tree, path, entry)
    if (content === undefined) return 'content'
    const key = keyOf(tree, entry)
    this.#table.add(key, { metadata: describeMetadata(entry, attributes), content })
    this.#result.firstRead += 1
    return undefined
  }

  async #compare(
    snapshot: string,
    volume: string,
    tree: StoredTree,
    manifest: Manifest,
  ): Promise<void> {
    const found = new Map<BytePath, Damage['what']>()
    const same: BytePath[] = []
    for (const [path, key] of manifest) {
      this.#seen.add(key)
      const entry = tree.entries.get(path)
      if (entry === undefined) found.set(path, 'missing')
      else if (nameOf(keyOf(tree, entry)) !== key) found.set(path, 'replaced')
      else same.push(path)
    }
    for (const path of tree.entries.keys()) if (!manifest.has(path)) found.set(path, 'added')

    for (const [path, what] of await this.#lookAtFiles(tree, same)) found.set(path, what)
    // what was removed meanwhile is no damage
    if (!isThere(this.#context.store, snapshot)) return
    for (const [path, what] of found) {
      const isShared = what === 'content' || what === 'metadata'
      this.#tell(snapshot, volume, path, what, isShared ? manifest.get(path) : '')
    }
    this.#result.compared += 1
  }

  async #judge(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
    attributes: Attributes | undefined,
    known: { metadata: string; content: string },
  ): Promise<Damage['what'] | undefined> {
    const isSampled = Math.random() * 100 < this.#options.samplePercent
    if (isSampled && (await this.#contentOf(tree, path, entry)) !== known.content) return 'content'
    return describeMetadata(entry, attributes) === known.metadata ? undefined : 'metadata'
  }

  /** Undefined where the disk does not give it. */
  async #contentOf(
    tree: StoredTree,
    path: BytePath,
    entry: ListedEntry,
  ): Promise<string | undefined> {
    if (entry.type === 'l') return createHash('sha256').update(entry.target, 'latin1').digest('hex')
    if (entry.type !== 'f') return noContent
    this.#result.read += 1
    try {
      return await digestOf(joinPath(bytePath(tree.here), path), this.#context.signal)
    } catch (error) {
      if (isUnreadable(error)) return undefined
      throw error
    }
  }

  /** A file that several snapshots have is told of once. */
  #tell(snapshot: string, volume: string, path: BytePath, what: Damage['what'], key = ''): void {
    const isShared = what === 'content' || what === 'metadata'
    const id = [volume, path, isShared ? key : snapshot].join('\0')
    if (this.#found.has(id)) return
    this.#found.set(id, { damage: { volume, path, what, snapshots: [snapshot] }, key })
  }

  /** Adds all snapshots that have a damaged file under its path, by one look at each manifest. */
  #listDamage(): Damage[] {
    const found = [...this.#found.values()]
    for (const [volume, ofVolume] of Map.groupBy(found, ({ damage }) => damage.volume)) {
      for (const { name } of this.#all) {
        const manifest = this.#manifests.read(name, volume)
        for (const { damage, key } of ofVolume) {
          const isShared = key !== '' && manifest?.get(damage.path) === key
          if (isShared && !damage.snapshots.includes(name)) damage.snapshots.push(name)
        }
      }
    }

    return found.map(({ damage }) => ({ ...damage, snapshots: damage.snapshots.toSorted() }))
  }
}

/** A time means all from then on, also where no snapshot is as old. */
function firstNameSince(catalog: Catalog, since: string, now: Date): string {
  const time = parseTime(since, now)
  return time === undefined ? resolveReference(catalog, since, now).name : formatSnapshotName(time)
}

/** What a disk or a filesystem says of data that it has lost. */
function isUnreadable(error: unknown): boolean {
  return ['EIO', 'EUCLEAN', 'EBADMSG', 'ENODATA'].includes(errorCode(error) ?? '')
}

const flushEach = 1000

interface StoredTree {
  here: string
  cwd: string
  entries: ReadonlyMap<BytePath, ListedEntry>
  /** By inode. */
  births: ReadonlyMap<string, bigint>
  /** Files of subvolumes that changed keep inode and birth. */
  isSubvolume: boolean
}

function keyOf({ births, isSubvolume }: StoredTree, { inode, ctime }: ListedEntry): FileKey {
  const born = births.get(inode)
  if (born === undefined) {
    throw new OperationError(
      'the filesystem of the store does not tell when a file was made, so a later one could be taken for it',
      { fix: 'keep the store on ext4, XFS or btrfs to verify it' },
    )
  }
  return {
    inode: BigInt(inode),
    born,
    ctime: isSubvolume ? nanosecondsOf(ctime) : 0n,
  }
}

/** 128 bits of a digest: nobody gains anything by two that are the same. */
function describeMetadata(
  { type, size, mode, owner, mtime }: ListedEntry,
  attributes: Attributes | undefined,
): string {
  const { acl = '', xattrs = '' } = attributes ?? {}
  // the size of a directory is what its filesystem makes of it
  const facts = [type, type === 'd' ? '' : size, mode, owner, mtime, acl, xattrs]
  return createHash('sha256').update(facts.join('\0'), 'latin1').digest('hex').slice(0, 32)
}

function isThere(store: StoreLayout, snapshot: string): boolean {
  try {
    lstatSync(join(store.directory, snapshot, recordFileName))
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}
