import { mkdirSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ArchiveHeader } from '../../archive/header.ts'
import { digestContents, digestListing } from '../../archive/list-digest.ts'
import { type Part, ownDirectory } from '../../archive/member-check.ts'
import { restoreScriptPath } from '../../archive/restore-script.ts'
import type { CheckedBytes } from '../../archive/tar-guard.ts'
import { formatMinFree } from '../../config/min-free.ts'
import { OperationError, ProgramError, SpaceError } from '../../errors.ts'
import type { Snapshot } from '../../store/catalog.ts'
import { createStagedVolume } from '../../store/staging.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { printable } from '../../system/printable.ts'
import { spawn } from '../../system/spawn.ts'
import { type PipedProgram, startPiped } from '../../system/spawn-piped.ts'
import type { WriterContext } from '../context.ts'
import { findShortage, isShort } from '../store/make-room.ts'
import { type ProgressReport, reportProgress } from '../report-progress.ts'
import { type ArchivedTree, openArchivedTree } from './archived-tree.ts'
import { cloneBase } from './clone-base.ts'
import type { FileDigests } from './file-digests.ts'
import type { Added } from './import-record.ts'
import { type ArchiveFacts, type ArchiveSource, factsOf, readArchive } from './read-archive.ts'

/** With the attributes in the raw form, which has numbers of users, over those of the text. */
const extracting = [
  '--extract',
  '--preserve-permissions',
  '--same-owner',
  '--numeric-owner',
  '--acls',
  '--xattrs',
  '--xattrs-include=*',
  '--delay-directory-restore',
]

export interface ImportTask {
  source: ArchiveSource
  allowsDevices: boolean
  /** The directory of the snapshot in staging. */
  staging: string
  /** An empty directory in staging, for what is no data. */
  room: string
  digests: FileDigests
  /** Finds the base of an increment. Throws OperationError where it is not there. */
  findBase: (header: ArchiveHeader) => Snapshot
  /** Called once it is known what comes. */
  onFacts: (facts: ArchiveFacts) => void
}

/**
 * Makes a volume in staging of an archive, in one reading:
 *
 * 1. what describes it comes first, and is extracted into a directory of its own
 * 2. of an increment the base is compared with what it was, and linked; restore.sh takes away from
 *    the links what the increment changes, and puts patched files there
 * 3. the data are extracted over it: tar writes into no file that is there
 * 4. what came out is compared with what was exported
 */
export async function importVolume(context: WriterContext, task: ImportTask): Promise<Added> {
  return new VolumeImport(context, task).run()
}

class VolumeImport {
  readonly #context: WriterContext
  readonly #task: ImportTask
  #facts: ArchiveFacts | undefined
  #tar: PipedProgram | undefined
  #part: Part | undefined
  #bytes = 0
  readonly #base = new DisposableStack()
  #baseTree: ArchivedTree | undefined
  #report: ProgressReport | undefined

  constructor(context: WriterContext, task: ImportTask) {
    this.#context = context
    this.#task = task
  }

  async run(): Promise<Added> {
    const { signal } = this.#context
    const { source, allowsDevices } = this.#task
    using _ = this.#base
    try {
      await readArchive(source, {
        allowsDevices,
        signal,
        onChecked: async (checked, check) => {
          this.#facts ??= factsOf(source, check)
          if (checked.phase !== this.#part) await this.#begin(checked.phase)
          await this.#write(checked)
          return true
        },
      })
      await this.#endTar()
    } finally {
      this.#tar?.kill()
    }
    return this.#verify()
  }

  get #header(): ArchiveHeader {
    if (this.#facts !== undefined) return this.#facts.header
    throw new OperationError(`${this.#task.source.name} has no data of a volume`)
  }

  async #begin(part: Part): Promise<void> {
    const { staging, room } = this.#task
    const { lock, signal } = this.#context
    await this.#endTar()
    this.#part = part
    if (part === 'data') await this.#prepare()
    this.#tar = startPiped('tar', extracting, {
      cwd: part === 'own' ? room : staging,
      input: 'pipe',
      descriptor3: lock.descriptor,
      signal,
    })
    this.#tar.stdout.resume()
  }

  async #write({ bytes }: CheckedBytes<Part>): Promise<void> {
    const stdin = this.#tar?.stdin
    if (stdin === undefined) return
    this.#watchSpace(bytes.length)
    if (stdin.write(bytes) || stdin.destroyed) return
    // where it ended before it has read all, its exit code tells why
    const drained = once(stdin, 'drain').catch(() => undefined)
    await Promise.race([drained, this.#tar?.ended])
  }

  async #endTar(): Promise<void> {
    const tar = this.#tar
    this.#tar = undefined
    if (tar === undefined) return
    tar.stdin?.end(Buffer.alloc(1024))
    const { exitCode, stderr } = await tar.ended
    if (exitCode === 0) return
    throw new ProgramError(`tar failed with exit code ${exitCode}: ${firstLine(stderr)}`, stderr)
  }

  /** Bounded by what the archive announces; and so much stays free as SNAP_MIN_FREE says. */
  #watchSpace(length: number): void {
    const { store, config } = this.#context
    const before = Math.floor(this.#bytes / betweenLooks)
    this.#bytes += length
    if (Math.floor(this.#bytes / betweenLooks) === before) return
    this.#progress()

    const { minFree } = config
    if (minFree === undefined || !isShort(findShortage(store.directory, minFree))) return
    throw new SpaceError(
      `less than SNAP_MIN_FREE=${formatMinFree(minFree)} would be free in ${store.directory} with ${this.#task.source.name}`,
      { fix: 'free space, or remove snapshots, then import again' },
    )
  }

  #progress(): void {
    if (this.#facts === undefined) return
    const { bytes, entries } = this.#facts.header
    const fraction = Math.min(1, this.#bytes / Math.max(1, bytes))
    const files = Math.floor(fraction * entries)
    this.#report ??= reportProgress(this.#context, this.#facts.header.volume)
    this.#report.onProgress({ files, totalFiles: entries, bytes: this.#bytes, fraction })
  }

  /** All that describes the archive is there; nothing of the data is. */
  async #prepare(): Promise<void> {
    const header = this.#header
    if (this.#facts !== undefined) this.#task.onFacts(this.#facts)
    if (header.baseDigests === undefined) return

    const base = this.#task.findBase(header)
    const tree = this.#base.use(await openArchivedTree(this.#context, base, header.volume))
    this.#baseTree = tree
    await this.#compareBase(tree)
    await this.#link(tree)
    await this.#runScript('--prepare')
  }

  async #compareBase(tree: ArchivedTree): Promise<void> {
    const { volume, base, baseDigests } = this.#header
    const { listing } = await digestListing(tree.entries, this.#context.signal)
    const isListed = listing === baseDigests?.listing
    const contents = isListed ? digestContents(await this.#task.digests.of(tree)) : undefined
    if (contents !== undefined && contents === baseDigests?.contents) return
    throw new OperationError(
      `${this.#task.source.name} does not fit: ${volume} in ${base} is not what it was when it was exported`,
      {
        fix: `compare it with "snap-volume verify ${base}"; if it is damaged here, remove it and import its own archive`,
      },
    )
  }

  async #link({ handle, entries }: ArchivedTree): Promise<void> {
    const { lock, signal } = this.#context
    using staging = openDirectory(createStagedVolume(this.#task.staging, this.#header.volume))
    const trees = { source: handle, staging, lockDescriptor: lock.descriptor, signal }
    // while it is open
    await cloneBase(trees, entries)
  }

  async #runScript(step: '--prepare' | '--finish'): Promise<void> {
    const { staging, room, source } = this.#task
    const { lock, signal } = this.#context
    const work = join(room, 'work')
    mkdirSync(work, { recursive: true, mode: 0o700 })
    const [own, tree] = [join(room, ownDirectory), join(staging, this.#header.volume)]
    const { exitCode, stderr } = await spawn('sh', [restoreScriptPath, step, own, tree, work], {
      descriptor3: lock.descriptor,
      signal,
    })
    if (exitCode === 0) return
    throw new ProgramError(
      `${source.name} is refused: ${printable(firstLine(stderr).replace(/^restore\.sh: (refused: )?/, ''))}`,
      stderr,
      { fix: 'import only what "snap-volume export" wrote, in chains that are whole' },
    )
  }

  async #verify(): Promise<Added> {
    const { staging, digests, source } = this.#task
    const { volume, digests: wanted } = this.#header
    await this.#runScript('--finish')
    if (await this.#isAsExported()) return this.#addAll()
    using tree = await openArchivedTree(this.#context, { path: staging }, volume)
    const found = await digestListing(tree.entries, this.#context.signal)
    const contents =
      wanted.contents === undefined ? undefined : digestContents(await digests.of(tree))
    const isWhole = found.names === wanted.names && contents === wanted.contents
    if (isWhole && (found.listing === wanted.listing || this.#storeLacks())) {
      this.#report?.end()
      return { volume, ...countAdded(tree, this.#baseTree) }
    }

    const what = isWhole ? 'owners, modes or times are not what was exported' : 'it is damaged'
    throw new OperationError(`${source.name} is refused: ${what}`, {
      fix: isWhole
        ? 'see "snap-volume doctor" for what the filesystem of the store does not keep'
        : 'copy it here again',
    })
  }

  /**
   * Whether a full archive has come out with all that is in its digest: restore.sh finds it in a
   * third of the time. Of an increment the contents are compared too.
   */
  async #isAsExported(): Promise<boolean> {
    const { volume, digests } = this.#header
    if (this.#baseTree !== undefined || digests.contents !== undefined) return false
    const words = [restoreScriptPath, '--digest', join(this.#task.staging, volume)]
    const { exitCode, stdout } = await spawn('sh', words, { signal: this.#context.signal })
    return exitCode === 0 && stdout.trim() === digests.listing
  }

  #addAll(): Added {
    this.#report?.end()
    const { volume, bytes } = this.#header
    const { contents } = this.#facts?.record.volumes.find(({ id }) => id === volume) ?? {}
    return { volume, addedFiles: contents?.files ?? 0, addedBytes: bytes }
  }

  /** Then nobody expects it of a snapshot here. */
  #storeLacks(): boolean {
    const { lacks, mtimeStepNs } = this.#context.config.abilities
    return lacks.length > 0 || mtimeStepNs > 1
  }
}

const betweenLooks = 64 * 1024 * 1024

function countAdded(
  tree: ArchivedTree,
  base: ArchivedTree | undefined,
): { addedFiles: number; addedBytes: number } {
  const seen = new Set(
    base === undefined ? [] : [...base.entries.values()].map(({ inode }) => inode),
  )
  const counted = { addedFiles: 0, addedBytes: 0 }
  for (const { type, inode, size } of tree.entries.values()) {
    if (type !== 'f' || seen.has(inode)) continue
    seen.add(inode)
    counted.addedFiles += 1
    counted.addedBytes += Number(size)
  }
  return counted
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line !== '') ?? 'no reason is known'
}
