import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { checksumNameOf } from '../../archive/archive-name.ts'
import type { ArchiveHeader } from '../../archive/header.ts'
import { digestListing } from '../../archive/list-digest.ts'
import { OperationError, UsageError, messageOf } from '../../errors.ts'
import { type Snapshot, findSnapshot, readCatalog } from '../../store/catalog.ts'
import { publishSnapshot } from '../../store/publish.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../../store/restore-journal.ts'
import { createStaging, discardStaging } from '../../store/staging.ts'
import { bytePath } from '../../tree/byte-path.ts'
import { digestOf } from '../../tree/digest.ts'
import { type ActionContext, type WriterContext, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'
import { openArchivedTree } from './archived-tree.ts'
import { FileDigests } from './file-digests.ts'
import { type Added, importedRecord } from './import-record.ts'
import { importVolume } from './import-volume.ts'
import { type ArchiveSource, assertReadable, fileSource, readFacts } from './read-archive.ts'
import { type ImportedGroup, type ReadArchive, sortArchives } from './sort-archives.ts'

export interface ImportOptions {
  /** Files, or what comes over standard input. */
  from: readonly string[] | Readable
  allowsDevices: boolean
}

export interface Imported {
  snapshots: {
    name: string
    volumes: string[]
    /** Whether it was there before, as it is in the archives. */
    wasThere: boolean
    addedFiles: number
    addedBytes: number
  }[]
}

/**
 * Makes snapshots of archives, each published under its own name by one rename, the oldest first. A
 * crash leaves those that were published, and staging, which the next writer throws away. Throws
 * OperationError; what was published before stays.
 */
export async function importArchives(
  context: ActionContext,
  options: ImportOptions,
): Promise<Imported> {
  const { from } = options
  const sources = isList(from) ? from.map((path) => fileSource(resolve(path))) : undefined
  if (isList(from)) for (const path of from) await assertWhole(context, resolve(path))

  return logged(
    context,
    { act: 'import' },
    async () =>
      asWriter(context, 'import', async (writer) => {
        const interrupted = readInterruptedRestore(context.store)
        if (interrupted !== undefined) throw explainInterruptedRestore(interrupted)
        await discardStaging(context.store)
        try {
          return sources === undefined
            ? await new Import(writer, options).importStream(from as Readable)
            : await new Import(writer, options).importFiles(sources)
        } catch (error) {
          throw await explainFailure(
            error,
            inStore(context.store.directory),
            'nothing more was imported',
          )
        } finally {
          await discardStaging(context.store)
        }
      }),
    ({ snapshots }) => {
      const names = snapshots.filter(({ wasThere }) => !wasThere).map(({ name }) => name)
      return names.length === 0 ? {} : { snapshot: names.at(-1) ?? '' }
    },
  )
}

function isList(from: ImportOptions['from']): from is readonly string[] {
  return Array.isArray(from)
}

/** Its checksum lies beside it, unless somebody left that out. */
async function assertWhole({ signal }: ActionContext, path: string): Promise<void> {
  try {
    assertReadable(path)
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
      fix: 'name archives that are mounted where the program runs, or give one to standard input: import -',
    })
  }

  const checksum = checksumNameOf(path)
  if (!existsSync(checksum)) return
  const [wanted] = readFileSync(checksum, 'utf8').split(' ')
  if ((await digestOf(bytePath(path), signal)) === wanted) return
  throw new OperationError(`${path} is damaged, as ${basename(checksum)} says`, {
    fix: 'copy it here again',
  })
}

class Import {
  readonly #context: WriterContext
  readonly #allowsDevices: boolean
  readonly #digests: FileDigests
  readonly #imported: Imported = { snapshots: [] }

  constructor(context: WriterContext, { allowsDevices }: ImportOptions) {
    this.#context = context
    this.#allowsDevices = allowsDevices
    this.#digests = new FileDigests(context, { trustsRecorded: false })
  }

  async importFiles(sources: readonly ArchiveSource[]): Promise<Imported> {
    const { store, clock, signal } = this.#context
    const archives: ReadArchive[] = []
    for (const source of sources) archives.push({ source, ...(await readFacts(source, signal)) })
    const groups = sortArchives(archives, readCatalog(store), clock.now())
    for (const group of groups) await this.#importGroup(group)
    return this.#imported
  }

  /** What it is shows when it has begun. */
  async importStream(stream: Readable): Promise<Imported> {
    const { store, clock } = this.#context
    const source: ArchiveSource = { name: 'standard input', open: () => stream }
    const staging = createStaging(store)
    let archive: ReadArchive | undefined
    let isThere = false
    const added = await this.#importVolume(source, staging, (facts) => {
      archive = { source, ...facts }
      sortArchives([archive], readCatalog(store), clock.now())
      isThere = this.#find(facts.header.snapshot) !== undefined
    })
    if (archive === undefined) throw new OperationError('standard input has no archive')

    const group = { snapshot: archive.header.snapshot, archives: [archive] }
    if (isThere) await this.#passOver(group)
    else await this.#publish(group, staging, [added])
    return this.#imported
  }

  async #importGroup(group: ImportedGroup): Promise<void> {
    if (this.#find(group.snapshot) !== undefined) {
      await this.#passOver(group)
      return
    }

    const staging = createStaging(this.#context.store)
    const added: Added[] = []
    for (const { source } of group.archives) {
      added.push(await this.#importVolume(source, staging, () => undefined))
    }
    await this.#publish(group, staging, added)
  }

  async #importVolume(
    source: ArchiveSource,
    staging: string,
    onFacts: Parameters<typeof importVolume>[1]['onFacts'],
  ): Promise<Added> {
    const room = mkdtempSync(join(this.#context.store.staging, 'import-'))
    return importVolume(this.#context, {
      source,
      allowsDevices: this.#allowsDevices,
      staging,
      room,
      digests: this.#digests,
      findBase: (header) => this.#baseOf(header),
      onFacts,
    })
  }

  #find(name: string): Snapshot | undefined {
    const catalog = readCatalog(this.#context.store)
    const found = findSnapshot(catalog, name)
    if (found?.name === name) return found
    if (!catalog.names.has(name)) return undefined
    throw new OperationError(`${name} is in the store already, and cannot be read`, {
      fix: 'see "snap-volume show" for what is wrong with it, and move it away',
    })
  }

  #baseOf({ base = '', volume }: ArchiveHeader): Snapshot {
    const found = this.#find(base)
    if (found?.record.volumes.some(({ id }) => id === volume) === true) return found
    throw new OperationError(`its base ${base} is not in the store`, {
      fix: `import the archive of ${volume} of ${base} first`,
    })
  }

  /** Throws OperationError where what is there is not the same. */
  async #passOver({ snapshot, archives }: ImportedGroup): Promise<void> {
    const there = this.#find(snapshot)
    for (const { source, header } of archives) {
      const isSame = there !== undefined && (await this.#holds(there, header))
      if (isSame) continue
      throw new OperationError(
        `${snapshot} is in the store already, and ${header.volume} in it is not what ${source.name} has`,
        { fix: 'import it into another store, or remove the one here first' },
      )
    }

    const volumes = archives.map(({ header }) => header.volume)
    this.#imported.snapshots.push({
      name: snapshot,
      volumes,
      wasThere: true,
      addedFiles: 0,
      addedBytes: 0,
    })
  }

  async #holds(there: Snapshot, { volume, digests }: ArchiveHeader): Promise<boolean> {
    if (!there.record.volumes.some(({ id }) => id === volume)) return false
    using tree = await openArchivedTree(this.#context, there, volume)
    const found = await digestListing(tree.entries, this.#context.signal)
    return found.listing === digests.listing
  }

  async #publish(
    { snapshot, archives }: ImportedGroup,
    staging: string,
    added: readonly Added[],
  ): Promise<void> {
    const { store, emit } = this.#context
    const record = importedRecord(archives, added)
    emit({ type: 'phase', phase: 'publish' })
    await publishSnapshot(store, staging, record)
    emit({ type: 'published', name: snapshot, kind: 'import' })
    this.#imported.snapshots.push({
      name: snapshot,
      volumes: archives.map(({ header }) => header.volume),
      wasThere: false,
      addedFiles: added.reduce((sum, one) => sum + one.addedFiles, 0),
      addedBytes: added.reduce((sum, one) => sum + one.addedBytes, 0),
    })
  }
}
