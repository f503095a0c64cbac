import { lstatSync, readFileSync, readdirSync, statfsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import {
  type Daemon,
  type Environment,
  type Finished,
  type RunOptions,
  documentsOf,
  runCli,
  startDaemon,
} from './cli.ts'
import { type Tree, walkTree } from './tree-walker.ts'

export interface StoreOptions {
  /**
   * Where the store goes, in a directory of its own; the system's temporary directory if not given.
   */
  on?: string
  /** Where the data go, when that is another filesystem. */
  dataOn?: string
  /** For every run of the program, beside SNAP_DIR. */
  env?: Environment
}

/** A configured store with one volume, `data`. */
export interface TestStore {
  directory: string
  data: string
  /** What `start` is given for the volume. */
  spec: string
  env: Environment
  run(words: readonly string[], options?: RunOptions): Promise<Finished>
  /** Takes a snapshot and gives its name; throws when it was refused or is flagged. */
  snapshot(...words: string[]): Promise<string>
  startDaemon(options?: RunOptions): Promise<Daemon>
  /** Lets a daemon link the newest snapshot in advance, and ends it. */
  prelink(): Promise<void>
  /** As the directory lists them, oldest first. */
  snapshotNames(): string[]
  /** All that is visible in the store: to see that nothing changed. */
  published(): Tree
  /** What is left in the program's own directory `name`, such as `staging`. */
  leftIn(name: 'staging' | 'trash'): string[]
  /** The path of the volume in a snapshot. */
  dataIn(name: string): string
  remove(): Promise<void>
}

/**
 * For a daemon that takes no snapshot of its own, and tells when it has linked the newest one in
 * advance.
 */
export const onlyPrelinks: Environment = {
  SNAP_CRON: '0 3 1 1 *',
  SNAP_ON_START: 'false',
  SNAP_LOG_LEVEL: 'debug',
}
export const prelinkedIsReady = / a copy of \S+ ready/

/** Makes data with one file, and a store as `start` leaves it. */
export async function makeStore(options: StoreOptions = {}): Promise<TestStore> {
  const store = await makeUnconfiguredStore(options)
  try {
    await copyConfiguration(store)
    return store
  } catch (error) {
    await store.remove()
    throw error
  }
}

/**
 * A store for each test of the suite that calls it, made before the suite's own hooks and removed
 * before them: whatever else holds its files open ends by itself.
 */
export function useStore(options: StoreOptions = {}): TestStore {
  let store: TestStore | undefined
  beforeEach(async () => {
    store = await makeStore(options)
  })
  afterEach(async () => {
    await store?.remove()
    store = undefined
  })

  const current = (): TestStore => {
    if (store === undefined) throw new Error('there is a store only while a test runs')
    return store
  }
  return new Proxy({} as TestStore, { get: (_, name) => Reflect.get(current(), name) as unknown })
}

/** The same before the first `start`: there are data, and no store. */
export async function makeUnconfiguredStore({
  on = tmpdir(),
  dataOn = on,
  env = {},
}: StoreOptions = {}): Promise<TestStore> {
  const home = await mkdtemp(join(on, 'snap-store-'))
  const dataHome = await mkdtemp(join(dataOn, 'snap-data-'))
  const storeEnv = { ...acceptIfInMemory(on), ...env }
  const store = testStore(join(home, 'store'), join(dataHome, 'data'), storeEnv, [home, dataHome])
  await mkdir(store.data)
  await writeFile(join(store.data, 'hello.txt'), 'hello\n')
  return store
}

const tmpfsMagic = 0x0102_1994

/**
 * For a store on a tmpfs, which `start` refuses: its snapshots would be gone with the next restart.
 */
export function acceptIfInMemory(directory: string): Environment {
  return statfsSync(directory).type === tmpfsMagic ? { SNAP_ACCEPT_STORE: 'true' } : {}
}

/** Runs `start` until it has recorded its configuration. */
export async function configure(store: TestStore): Promise<void> {
  const daemon = await store.startDaemon()
  const exitCode = await daemon.stop()
  if (exitCode !== 0) throw new Error(`start ended with ${exitCode}:\n${daemon.output()}`)
}

/** The program's own directory as a `start` left it, and the path of the data in it. */
interface Configuration {
  data: string
  entries: { path: string; mode: number; content: Buffer | undefined }[]
}

const configurations = new Map<string, Promise<Configuration>>()

/**
 * Gives the store what a `start` leaves, which is run once for all stores of one environment: it
 * takes long.
 */
async function copyConfiguration(store: TestStore): Promise<void> {
  const { SNAP_DIR: _, ...env } = store.env
  const key = JSON.stringify(env)
  const made = configurations.get(key) ?? makeConfiguration(env)
  configurations.set(key, made)
  const { data, entries } = await made
  for (const { path, mode, content } of entries) {
    const target = join(store.directory, path)
    if (content === undefined) await mkdir(target)
    else if (path.includes('/reserve/')) await writeFile(target, content)
    else await writeFile(target, content.toString().replaceAll(data, store.data))
    await chmod(target, mode)
  }
}

async function makeConfiguration(env: Environment): Promise<Configuration> {
  const store = await makeUnconfiguredStore({ env })
  try {
    await configure(store)
    // it would be overdue when the tests go on past the hour of the schedule, and made up by each
    // start
    await rm(join(store.directory, '.snap-volume/schedule.json'))
    const names = readdirSync(store.directory, { recursive: true, encoding: 'utf8' })
    const entries = ['.', ...names.toSorted()].map((path) => {
      const file = join(store.directory, path)
      const { mode } = lstatSync(file)
      const isDirectory = lstatSync(file).isDirectory()
      return { path, mode: mode & 0o7777, content: isDirectory ? undefined : readFileSync(file) }
    })
    return { data: store.data, entries }
  } finally {
    await store.remove()
  }
}

function testStore(
  directory: string,
  data: string,
  storeEnv: Environment,
  homes: readonly string[],
): TestStore {
  const env = { SNAP_DIR: directory, ...storeEnv }
  const spec = `data:${data}`
  const merge = (options: RunOptions): RunOptions => ({
    ...options,
    env: { ...env, ...options.env },
  })
  const run = (words: readonly string[], options: RunOptions = {}): Promise<Finished> =>
    runCli(words, merge(options))
  const start = async (options: RunOptions = {}): Promise<Daemon> =>
    startDaemon([spec], merge(options))
  return {
    directory,
    data,
    spec,
    env,
    run,
    snapshot: async (...words) => nameOfUnflagged(await run(['snapshot', '--json', ...words])),
    startDaemon: start,
    async prelink() {
      // what was made before is discarded at its start
      const daemon = await start({ env: onlyPrelinks })
      await daemon.line(prelinkedIsReady)
      await daemon.stop()
    },
    snapshotNames: () =>
      readdirSync(directory)
        .filter((name) => name.startsWith('@GMT-'))
        .toSorted(),
    published: () => walkVisible(directory),
    leftIn: (name) => readdirSync(join(directory, '.snap-volume', name)),
    dataIn: (name) => join(directory, name, 'data'),
    async remove() {
      // rm(1), because a path in a snapshot may be longer than Node's rm can take
      await execa('rm', ['-rf', '--one-file-system', '--', ...homes])
    },
  }
}

/** Walks each volume by itself, because getfattr(1) takes no path longer than 4,096 bytes. */
function walkVisible(directory: string): Tree {
  const visible = readdirSync(directory).filter((name) => name !== '.snap-volume')
  const roots = visible.flatMap((name) => {
    const isDirectory = lstatSync(join(directory, name)).isDirectory()
    return isDirectory ? readdirSync(join(directory, name)).map((child) => join(name, child)) : name
  })
  return new Map(
    roots.flatMap((root) =>
      [...walkTree(join(directory, root))].map(([path, entry]) => [join(root, path), entry]),
    ),
  )
}

/**
 * Several snapshots in one second are named ahead of the clock, which is told of and does no harm
 * here.
 */
function nameOfUnflagged(finished: Finished): string {
  const result = documentsOf(finished).find(({ type }) => type === 'result') as
    { snapshot: { name: string; warnings: { code: string }[] } } | undefined
  const flaws = result?.snapshot.warnings.filter(({ code }) => code !== 'clock')
  if (result === undefined || flaws?.length !== 0) {
    throw new Error(`no good snapshot (exit code ${finished.exitCode}): ${finished.stdout}`)
  }
  return result.snapshot.name
}
