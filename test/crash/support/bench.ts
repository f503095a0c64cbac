import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { untilAllIsOld } from '../../support/until-all-is-old.ts'
import { mountLoopFilesystem } from '../../support/loop-filesystem.ts'
import { mountTmpfs } from '../../support/mounts.ts'
import { acceptIfInMemory } from '../../support/test-store.ts'
import { type Entry, type Tree, compareTrees, walkTree } from '../../support/tree-walker.ts'
import { type Ended, runToEnd } from './process-group.ts'
import { type Command, startCommand } from './snap-volume.ts'
import { writeGeneration } from './source.ts'

const volumeIds = ['db', 'www'] as const
type Trees = Record<(typeof volumeIds)[number], Tree>

/** A snapshot that was looked at, and has to stay as it was. */
interface Remembered {
  /** Its record and the directories of its volumes. */
  tree: Tree
  /**
   * What the scan saw of its volumes, as it was when it was last there: it goes when a later
   * snapshot has its own, may be there again after a power loss, and never changes.
   */
  indexes: Tree
  pinned: boolean
}

const expectedCodes = ['clock', 'contents-compared']
const indexNames: readonly string[] = volumeIds.map((id) => `.snapshot.index.${id}`)

export interface BenchOptions {
  /** Where the store is made; else on a tmpfs, where a flush need not wait for others' data. */
  storeIn?: string
  /**
   * Where the volumes are made; else on a tmpfs, where engine link can prove nothing and compares
   * contents.
   */
  dataIn?: string
  /**
   * Makes the volumes on an ext4 of their own, where engine link links what provably did not
   * change.
   */
  dataOnExt4?: boolean
  /** SNAP_MAX, unless a command says otherwise. */
  keep?: number
}

/** What is known before a command that may be cut off. */
export interface Before {
  live: Trees
  names: string[]
  keep: number
}

/**
 * A store, its two volumes, and what has to be true of them: it reads the store by itself, and
 * holds against it what the live data were when each snapshot was begun.
 */
export class Bench {
  readonly store: string
  readonly volumes: Record<(typeof volumeIds)[number], string>
  readonly keep: number
  private readonly cleanUp: () => Promise<void>
  private readonly remembered = new Map<string, Remembered>()
  private generation = 0
  private turns = 0

  private constructor(cleanUp: () => Promise<void>, store: string, data: string, keep: number) {
    this.cleanUp = cleanUp
    this.store = store
    this.volumes = { db: join(data, 'db'), www: join(data, 'www') }
    this.keep = keep
  }

  /** Makes a store with its first snapshot. */
  static async create(options: BenchOptions = {}): Promise<Bench> {
    const { storeIn, dataIn, dataOnExt4 = false, keep = 1000 } = options
    const memory = await mountTmpfs('size=256m,mode=755')
    const disk = dataOnExt4
      ? await mountLoopFilesystem('ext4', { sizeMiB: 64, imageIn: memory.path })
      : undefined
    const store = await mkdtemp(join(storeIn ?? memory.path, 'store-'))
    const data = await mkdtemp(join(dataIn ?? disk?.path ?? memory.path, 'data-'))
    const cleanUp = async () => {
      await disk?.remove()
      await memory.remove()
    }
    const bench = new Bench(cleanUp, store, data, keep)
    for (const path of Object.values(bench.volumes)) await mkdir(path)
    writeGeneration(bench.volumes.db, bench.volumes.www, 0)
    await bench.configure()
    // or what never changes would be compared by the second snapshot, and linked by the third
    await untilAllIsOld(data)
    await bench.takesCleanSnapshot('--pin')
    return bench
  }

  async remove(): Promise<void> {
    await this.cleanUp()
  }

  /** `start` writes the configuration that the other commands read. */
  private async configure(): Promise<void> {
    const daemon = startCommand(this.startCommand({ SNAP_CRON: '0 0 1 1 *' }))
    await daemon.printed(/started: store/)
    daemon.signal('SIGTERM')
    expect((await daemon.ended).exitCode).to.equal(0)
  }

  startCommand(environment: Record<string, string> = {}): Command {
    const volumes = volumeIds.map((id) => `${id}:${this.volumes[id]}`)
    return { args: ['start', ...volumes], environment: this.environment(environment) }
  }

  command(args: readonly string[], environment: Record<string, string> = {}): Command {
    return { args, environment: this.environment(environment) }
  }

  private environment(more: Record<string, string>): Record<string, string> {
    return {
      SNAP_DIR: this.store,
      SNAP_MAX: String(this.keep),
      ...acceptIfInMemory(this.store),
      ...more,
    }
  }

  async run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
    return startCommand(this.command(args, environment)).ended
  }

  /** Changes every file that ever changes. */
  writeNextGeneration(): void {
    this.generation += 1
    writeGeneration(this.volumes.db, this.volumes.www, this.generation)
  }

  /** Gives the one and the other by turns. */
  alternate<T>(one: T, other: T): T {
    this.turns += 1
    return this.turns % 2 === 1 ? one : other
  }

  get ownDirectory(): string {
    return join(this.store, '.snap-volume')
  }

  /** Names of the snapshots the bench has seen, oldest first, all still there at the last look. */
  get names(): string[] {
    return [...this.remembered.keys()].toSorted()
  }

  /** Taken by `takesCleanSnapshot`, when that was the last command. */
  get newest(): string {
    return this.names.at(-1) ?? ''
  }

  liveTrees(): Trees {
    return { db: walkTree(this.volumes.db), www: walkTree(this.volumes.www) }
  }

  before(keep = this.keep): Before {
    return { live: this.liveTrees(), names: this.names, keep }
  }

  /** Waits until nobody holds the lock: a killed program's children hold it until they end. */
  async lockIsFree(): Promise<void> {
    const lock = join(this.ownDirectory, 'lock')
    const { exitCode, stderr } = await runToEnd('flock', ['-w', '60', lock, 'true'])
    expect(exitCode, stderr).to.equal(0)
  }

  /**
   * Holds the store against what is known: the snapshots as before, or with one more that is the
   * live data of then; none of the older ones changed, none removed that retention keeps. Gives the
   * new one's name.
   */
  check({ live, names: namesBefore, keep }: Before): string | undefined {
    const entries = readdirSync(this.store).toSorted()
    const names = entries.filter((entry) => entry !== '.snap-volume')
    const added = names.filter((name) => !this.remembered.has(name))
    expect(added.length, `new entries in the store: ${added.join(', ')}`).to.be.at.most(1)
    const [name] = added
    const found = new Map(names.map((each) => [each, this.readSnapshot(each)]))
    if (name !== undefined) {
      expect(name > (namesBefore.at(-1) ?? ''), `${name} is the newest`).to.equal(true)
      for (const id of volumeIds) {
        const wrong = compareTrees(live[id], walkTree(join(this.store, name, id)))
        expectNone(wrong, `${name}/${id} is not the live data of when it was begun`)
      }
      expect([...(found.get(name)?.indexes.keys() ?? [])], name).to.have.members(indexNames)
    }
    this.checkOlder(found)
    this.checkRemoved(namesBefore, names, name === undefined ? keep : keep - 1)
    const known = new Map(this.remembered)
    this.remembered.clear()
    for (const [each, { indexes, ...snapshot }] of found) {
      const were = known.get(each)?.indexes ?? []
      this.remembered.set(each, { ...snapshot, indexes: new Map([...were, ...indexes]) })
    }
    return name
  }

  private checkOlder(found: ReadonlyMap<string, Remembered>): void {
    for (const [name, remembered] of this.remembered) {
      const now = found.get(name)
      if (now === undefined) continue
      expectNone(compareTrees(remembered.tree, now.tree), `${name} changed`)
      const are = new Map([...remembered.indexes, ...now.indexes])
      expectNone(compareTrees(remembered.indexes, are), `an index of ${name} changed`)
    }
  }

  private checkRemoved(before: readonly string[], now: readonly string[], keep: number): void {
    const removed = before.filter((name) => !now.includes(name))
    const newest = keep === 0 ? [] : before.slice(-keep)
    const wrong = removed.filter(
      (name) => newest.includes(name) || this.remembered.get(name)?.pinned,
    )
    expectNone(wrong, `the newest ${keep} and pinned ones stay, and these are gone`)
  }

  /** Reads a snapshot, which has to have a record that is its own. */
  private readSnapshot(name: string): Remembered {
    const path = join(this.store, name)
    const recordPath = join(path, '.snapshot.json')
    expect(name, 'every entry of the store is a snapshot').to.match(/^@GMT-[\d.-]{19}$/)
    expect(existsSync(recordPath), `${name} has a record`).to.equal(true)
    const record = JSON.parse(readFileSync(recordPath, 'utf8')) as { name: string; pinned: boolean }
    expect(record.name).to.equal(name)
    const names = readdirSync(path).filter((each) => !indexNames.includes(each))
    expect(names).to.have.members(['.snapshot.json', ...volumeIds])
    return { ...withoutIndexes(walkTree(path)), pinned: record.pinned }
  }

  /**
   * The next run: it succeeds, the list grows by that one, and nothing of a killed run is left
   * over.
   */
  async takesCleanSnapshot(...options: string[]): Promise<string> {
    const before = this.before()
    const { exitCode, stdout, stderr } = await this.run(['snapshot', '--json', ...options])
    expectNone(unexpectedWarnings(stdout), 'there are warnings')
    expect(exitCode, stdout + stderr).to.be.oneOf([0, 3])
    const added = this.check(before)
    if (added === undefined) expect.fail(`no snapshot was added: ${stdout}`)
    const besideBase = indexNames.filter((name) =>
      existsSync(join(this.store, before.names.at(-1) ?? '', name)),
    )
    expect(besideBase, 'indexes beside the base').to.deep.equal([])
    expect(readdirSync(join(this.ownDirectory, 'staging')), 'staging').to.deep.equal([])
    expect(readdirSync(join(this.ownDirectory, 'trash')), 'trash').to.deep.equal([])
    return added
  }

  /**
   * How live data differ from a snapshot (or from trees read before); empty when they are equal.
   */
  liveDifferences(wanted: string | Trees): string[] {
    return volumeIds.flatMap((id) => {
      const tree = typeof wanted === 'string' ? walkTree(join(this.store, wanted, id)) : wanted[id]
      return compareTrees(tree, walkTree(this.volumes[id]))
    })
  }
}

/** Fails with the first of the lines that should not be there. */
export function expectNone(lines: readonly string[], problem: string): void {
  if (lines.length === 0) return
  const more = lines.length > 5 ? `, and ${lines.length - 5} more` : ''
  expect.fail(`${problem}: ${lines.slice(0, 5).join(', ')}${more}`)
}

/**
 * Takes the indexes of a snapshot apart, and the times of its directory, which move when an index
 * goes.
 */
function withoutIndexes(all: Tree): { tree: Tree; indexes: Tree } {
  const tree = new Map(all)
  const indexes = new Map<string, Entry>()
  for (const name of indexNames) {
    const index = tree.get(name)
    if (index !== undefined) indexes.set(name, index)
    tree.delete(name)
  }
  const root = tree.get('.')
  if (root !== undefined) tree.set('.', { ...root, mtime: '' })
  return { tree, indexes }
}

/**
 * More than one snapshot a second makes the names run ahead of the clock, and on a tmpfs contents
 * are compared: that is told and right.
 */
function unexpectedWarnings(jsonLines: string): string[] {
  return jsonLines
    .split('\n')
    .filter((line) => line.includes('"type":"warning"'))
    .filter((line) => !expectedCodes.includes((JSON.parse(line) as { code: string }).code))
}
