import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
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
import {
  type KnownDamage,
  mergeDamage,
  readVerifyFindings,
  writeVerifyFindings,
} from '../../store/verify-state.ts'
import { type BytePath, isGone } from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { DigestTable, nameOf } from '../../verify/digest-table.ts'
import { type Manifest, Manifests } from '../../verify/manifest.ts'
import type { ActionContext } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { reportProgress } from '../report-progress.ts'
import { type Damage, DamageList, idOf, isOfFile } from './damage.ts'
import { GoodCopies } from './good-copies.ts'
import { repairDamage } from './repair.ts'
import { StoredFiles } from './stored-files.ts'
import { type StoredTree, keyOf, openStoredTree } from './stored-tree.ts'

export interface VerifyOptions {
  /** Empty for all. */
  references: readonly string[]
  /** Of how many percent of the files the contents are read. */
  samplePercent: number
  /** Only this snapshot and newer ones. */
  since: string | undefined
  /** Only what was never looked at: nothing is compared. */
  newOnly: boolean
  /** Put a good copy into the place of what is damaged, where there is one. */
  repair: boolean
  /** Have what is found count as right from now on. */
  accept: boolean
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
  /** How many paths were repaired or accepted, and are in `damage` all the same. */
  repaired: number
  accepted: number
}

/**
 * Compares stored files with what they were when they were first read, so that it finds bit rot and
 * whatever somebody wrote into history:
 *
 * 1. a snapshot that was never looked at is recorded: which file each path is, and the digest of
 *    each file that no snapshot before it had
 * 2. of any other one each path has to be the file that it was, with the metadata and the content
 * 3. the digests of files that no snapshot has any more are forgotten
 * 4. a good copy of what is damaged is looked for, and put in its place where that is asked for; or
 *    what is there is recorded as right
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
  } catch (error) {
    throw await explainFailure(error, inStore(store.directory), 'not all is verified')
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
  #files: StoredFiles
  readonly #seen = new Set<string>()
  readonly #damage = new DamageList()
  readonly #result = {
    compared: 0,
    recorded: 0,
  }

  constructor(context: ActionContext, options: VerifyOptions) {
    this.#context = context
    this.#options = options
    const { snapshots, damaged } = readCatalog(context.store)
    this.#all = snapshots
    this.#lost = damaged
    this.#table = new DigestTable(context.store.digests)
    const samplePercent = options.newOnly ? 0 : options.samplePercent
    this.#files = new StoredFiles(this.#table, samplePercent, context.signal)
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
    const isWhole =
      !this.#options.newOnly && chosen.length === this.#all.length && this.#lost.length === 0
    if (isWhole) this.#table.keepOnly(this.#seen)
    const { firstRead, read } = this.#files
    const { directory } = this.#context.store
    const found = this.#damage.list(this.#all, this.#manifests, directory)
    const damage = this.#options.accept
      ? await this.#accept(chosen, found)
      : await this.#treat(found)
    const repaired = damage.filter((one) => one.repaired).length
    const accepted = damage.filter((one) => one.accepted).length
    this.#note(chosen, damage)
    return { ...this.#result, firstRead, read, damage, repaired, accepted }
  }

  /**
   * Forgets what these were, and records them as they are. A kill in between leaves that to the next
   * run.
   */
  async #accept(chosen: readonly Snapshot[], damage: readonly Damage[]): Promise<Damage[]> {
    this.#table.forget(new Set(damage.map(({ key }) => key)))
    this.#files = new StoredFiles(this.#table, 0, this.#context.signal)
    for (const snapshot of chosen) {
      const inIt = damage.filter(({ snapshots }) => snapshots.includes(snapshot.name))
      for (const volume of new Set(inIt.map((one) => one.volume))) {
        this.#manifests.forget(snapshot.name, volume)
        await this.#lookAt(snapshot, volume)
      }
    }
    this.#table.flush()

    const names = new Set(chosen.map(({ name }) => name))
    return damage.map((one) => {
      // what the disk does not give is not known after this either
      const accepted = isOfFile(one.what)
        ? this.#table.get(one.key) !== undefined
        : names.has(one.snapshots[0] ?? '')
      return { ...one, accepted }
    })
  }

  async #treat(damage: readonly Damage[]): Promise<Damage[]> {
    const [table, manifests] = [this.#table, this.#manifests]
    const copies = new GoodCopies(this.#context, { snapshots: this.#all, manifests })
    if (this.#options.repair && damage.length > 0) {
      return repairDamage(this.#context, { damage, copies, table, manifests })
    }
    const found = []
    for (const [index, one] of damage.entries()) {
      if (index === mostLookedFor) {
        found.push(...damage.slice(index))
        break
      }
      const known = table.get(one.key)
      const place = known === undefined ? undefined : await copies.find(one, known)
      found.push({ ...one, goodCopy: place?.name ?? null })
    }
    return found
  }

  /** For `show`, `status` and whoever restores one; a sample clears nobody. */
  #note(chosen: readonly Snapshot[], damage: readonly Damage[]): void {
    const { store, clock } = this.#context
    const { newOnly, samplePercent } = this.#options
    const before = readVerifyFindings(store)
    const isThorough = !newOnly && samplePercent === 100
    const looked = new Set(isThorough ? chosen.map(({ name }) => name) : [])
    const there = [...this.#all, ...this.#lost].map(({ name }) => name)

    const damaged: Record<string, KnownDamage> = {}
    for (const name of there) {
      const inIt = damage.filter(({ snapshots }) => snapshots.includes(name))
      const [repaired, found] = [
        inIt.filter(isTreated).map(idOf),
        inIt.filter((one) => !isTreated(one)).map(idOf),
      ]
      const none = { count: 0, paths: [] }
      const known = looked.has(name) ? none : (before.damaged[name] ?? none)
      const after = mergeDamage(known, found, new Set(repaired))
      if (after.count > 0) damaged[name] = after
    }
    const comparedAt = newOnly ? before.comparedAt : clock.now().toISOString()
    const after = { comparedAt, damaged }
    if (!isDeepStrictEqual(after, before)) writeVerifyFindings(store, after)
  }

  /** Tells of those whose data or record are gone, because there is nothing to look at. */
  #choose(): Snapshot[] {
    const { references, since, newOnly } = this.#options
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
      for (const id of volumes) this.#damage.add(name, id, '', 'missing')
    }
    return this.#all.filter((one) => isChosen(one) && (!newOnly || this.#isNew(one)))
  }

  #isNew({ name, record }: Snapshot): boolean {
    return record.volumes.some(({ id }) => !this.#manifests.has(name, id))
  }

  async #lookAt(snapshot: Snapshot, volume: string): Promise<void> {
    const root = join(snapshot.path, volume)
    try {
      using opened = openDirectory(root)
      const tree = await openStoredTree(opened, this.#context)
      const manifest = this.#manifests.read(snapshot.name, volume)
      if (manifest === undefined) await this.#record(snapshot.name, volume, tree)
      else if (!this.#options.newOnly) await this.#compare(snapshot.name, volume, tree, manifest)
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

    const found = await this.#files.lookAt(tree, [...tree.entries.keys()])
    if (!isThere(this.#context.store, snapshot)) return
    // the rows first: a manifest says that its files have one
    this.#table.flush()
    this.#manifests.write(snapshot, volume, manifest)
    for (const [path, what] of found)
      this.#damage.add(snapshot, volume, path, what, manifest.get(path))
    this.#result.recorded += 1
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

    for (const [path, what] of await this.#files.lookAt(tree, same)) found.set(path, what)
    // what was removed meanwhile is no damage
    if (!isThere(this.#context.store, snapshot)) return
    for (const [path, what] of found)
      this.#damage.add(snapshot, volume, path, what, manifest.get(path))
    this.#result.compared += 1
  }
}

function isTreated({ repaired = false, accepted = false }: Damage): boolean {
  return repaired || accepted
}

/** Of so many damaged paths good copies are looked for, where nothing is to be repaired. */
const mostLookedFor = 1000

/** A time means all from then on, also where no snapshot is as old. */
function firstNameSince(catalog: Catalog, since: string, now: Date): string {
  const time = parseTime(since, now)
  return time === undefined ? resolveReference(catalog, since, now).name : formatSnapshotName(time)
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
