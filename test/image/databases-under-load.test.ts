import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { messageOf } from '../../src/errors.ts'
import type { SnapshotRecord } from '../../src/store/record.ts'
import {
  createVolume,
  docker,
  execIn,
  logsOf,
  removeContainer,
  runContainer,
  startContainer,
} from '../support/docker.ts'
import {
  type FilesystemType,
  type LoopFilesystem,
  mountLoopFilesystem,
  whyNoLoopFilesystem,
} from '../support/loop-filesystem.ts'
import { howOften, roundsOf, sample } from '../support/sample.ts'
import { skipBecause } from '../support/skip.ts'
import { withDockerSocket } from './support/consumers.ts'
import {
  type Database,
  type HookRecipe,
  mariadb,
  postgres,
  startServer,
} from './support/databases.ts'
import { eventually, logLine } from './support/eventually.ts'
import { commandsInSection, labelsInSection } from './support/markdown.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import { environment, resultOf, succeeded } from './support/sidecar.ts'

/**
 * So many as the documentation tells of when tests are thorough; fewer on the other filesystems and
 * by hooks.
 */
const rounds = roundsOf(20, 2)
const fewRounds = Math.ceil(rounds / 4)

/**
 * Of the snapshots of one setting: two come by chance once in a hundred times, and from a copy that
 * is not of one instant more often.
 */
const mostOwnFaults = 1

const neverDue = '0 0 29 2 *'

/** The server writes at least so much between two snapshots. */
const transactionsBetween = 50

const documentation = fileURLToPath(new URL('../../docs/databases.md', import.meta.url))

/** What a server printed that means that its data were not as they must be. */
const damage =
  /corrupt|page verification failed|invalid page|checksum mismatch|PANIC|Assertion failure|torn/i

interface Setting {
  title: string
  database: Database
  /** Where data and store are; undefined for volumes of the Engine. */
  filesystem?: FilesystemType
  /** How the data are held. */
  by: 'pause' | HookRecipe | 'nothing'
  count: number
}

const databases = [mariadb, postgres]

const settings: Setting[] = [
  ...databases.map((database): Setting => {
    return { title: 'paused', database, by: 'pause', count: rounds }
  }),
  ...sample(databases.flatMap(otherSettings), howOften(20, 1), 'settings'),
]

function otherSettings(database: Database): Setting[] {
  return [
    { title: 'paused, on XFS', database, filesystem: 'xfs', by: 'pause', count: fewRounds },
    { title: 'paused, on btrfs', database, filesystem: 'btrfs', by: 'pause', count: fewRounds },
    ...database.recipes.map((recipe) => {
      return { title: `as in "${recipe.heading}"`, database, by: recipe, count: fewRounds }
    }),
    // on ext4 where that is what the Engine keeps its volumes on
    { title: 'live', database, by: 'nothing', count: fewRounds },
  ]
}

for (const { title, database, filesystem, by, count } of settings) {
  describeOnEngine(`${database.name} under write load, ${title}`, function () {
    this.timeout(60_000 + count * 40_000)
    const recipe = typeof by === 'object' ? by : undefined
    const path = recipe?.path ?? database.path
    let loop: LoopFilesystem | undefined
    let place: (name: string) => Promise<string>
    let store: string
    let beside: string[] = []
    let sidecar: string
    let server: string | undefined
    const records: SnapshotRecord[] = []

    before(async function () {
      if (filesystem !== undefined) {
        const why = await whyNoLoopFilesystem(filesystem)
        if (why !== undefined) skipBecause(this, why)
        loop = await mountLoopFilesystem(filesystem, { sizeMiB: 3000 })
      }
      place = placesOn(loop, filesystem)
      store = await place('store')
      const data = await place('data')
      sidecar = await startContainer(productImage, {
        options: [
          '-v',
          `${data}:${path}`,
          '-v',
          `${store}:/opt/.snap`,
          ...withDockerSocket,
          ...environment({
            SNAP_CRON: neverDue,
            SNAP_MAX: '1000',
            SNAP_QUIESCE: by === 'pause' ? 'pause' : 'none',
          }),
        ],
        command: ['start', `db:${path}`],
      })
      await logLine(sidecar, / started: /)
      if (recipe?.beside !== undefined) beside = ['-v', `${await place('beside')}:${recipe.beside}`]
      const labels =
        recipe === undefined ? {} : await labelsInSection(documentation, recipe.heading)
      server = await startServer(database, ['-v', `${data}:${path}`, ...beside], labels)
      await database.prepare(server)
      await database.load(server)
    })

    after(async () => {
      for (const container of [server, sidecar]) if (container) await removeContainer(container)
      await loop?.remove()
    })

    it(`is in ${count} snapshots`, async () => {
      if (server === undefined) throw new Error('no server')
      for (let round = 1; round <= count; round += 1) {
        await writesOn(database, server)
        const record = await takeSnapshot(sidecar)
        const consistency = by === 'nothing' ? 'live' : by === 'pause' ? 'paused' : 'hooked'
        expect(record.consistency, JSON.stringify(record.warnings)).to.equal(consistency)
        records.push(record)
      }
    })

    if (recipe?.beside !== undefined) {
      it('is not restored while it runs', async () => {
        const words = ['restore', records[0]?.name ?? '', '--yes']
        const { exitCode, stderr } = await execIn(sidecar, 'snap-volume', ...words)
        expect(exitCode).to.equal(1)
        expect(stderr).to.match(/stop this container first.*nothing was restored/s)
      })
    }

    /** Restores a snapshot into an empty directory, starts a server there, and has it checked. */
    async function startFrom({ name }: SnapshotRecord): Promise<number> {
      const fresh = await place(`restored from ${name}`.replaceAll(/[^\w.-]/g, '-'))
      // there is nobody to pause
      const options = ['-v', `${fresh}:${path}`, '-v', `${store}:/opt/.snap`]
      succeeded(
        await runContainer(productImage, {
          options: [...options, ...environment({ SNAP_QUIESCE: 'none' })],
          command: ['restore', name, '--yes'],
        }),
      )
      if (recipe !== undefined) {
        await finishRestore(recipe, database, name, ['-v', `${fresh}:${path}`, ...beside])
      }
      const data = join(await pathOf(fresh), recipe?.data ?? '.')
      const restored = await startServer(database, ['-v', `${data}:${database.path}`])
      try {
        await database.check(restored)
        expect(await logsOf(restored), `the log of ${name}`).not.to.match(damage)
        return await database.countTransactions(restored)
      } finally {
        await removeContainer(restored)
        if (loop === undefined) await docker('volume', 'rm', fresh)
      }
    }

    async function stopServer(): Promise<void> {
      if (server !== undefined) await removeContainer(server)
      server = undefined
    }

    if (by === 'nothing') {
      it('may not start from them, and the record says that they are live', async () => {
        await stopServer()
        const failures: string[] = []
        for (const record of records) {
          await startFrom(record).catch((error: unknown) => failures.push(messageOf(error)))
        }
        for (const failure of failures) process.stdout.write(`      ${failure.slice(0, 300)}\n`)
        process.stdout.write(
          `      ${database.name}, live: ${failures.length} of ${count} did not start, or were damaged\n`,
        )
      })
      return
    }

    it('starts from each of them after a restore, and all belongs together', async () => {
      await stopServer()
      let before = -1
      const faults: string[] = []
      for (const record of records) {
        const transactions = await startFrom(record).catch((error: unknown) => {
          if (database.ownFault?.test(messageOf(error)) !== true) throw error
          faults.push(messageOf(error))
          return undefined
        })
        if (transactions === undefined) continue
        expect(transactions, `transactions in ${record.name}`).to.be.greaterThan(before)
        before = transactions
      }
      for (const fault of faults) process.stdout.write(`      its own fault? ${fault}\n`)
      expect(faults, 'its own faults').to.have.lengthOf.at.most(mostOwnFaults)
      const quietMs = records.map(({ quietMs, hooks }) => quietMs ?? hooks?.[0]?.ms ?? 0)
      const median = quietMs.toSorted((one, other) => one - other)[Math.floor(count / 2)]
      process.stdout.write(
        `      ${database.name}, ${title}: held for ${median} ms (median of ${count})\n`,
      )
    })
  })
}

/** Makes empty directories of that filesystem, or volumes of the Engine, to mount. */
function placesOn(
  loop: LoopFilesystem | undefined,
  filesystem: FilesystemType | undefined,
): (name: string) => Promise<string> {
  return async (name) => {
    if (loop === undefined) return createVolume()
    const path = join(loop.path, name)
    if (filesystem === 'btrfs' && name === 'data') {
      await execa('btrfs', ['subvolume', 'create', path])
    } else mkdirSync(path)
    return path
  }
}

/** Where a volume, or a directory of this machine, is on this machine. */
async function pathOf(place: string): Promise<string> {
  return place.startsWith('/')
    ? place
    : docker('volume', 'inspect', '--format', '{{.Mountpoint}}', place)
}

/** Waits until the server under load has written some more. */
async function writesOn(database: Database, server: string): Promise<void> {
  const before = await database.countTransactions(server)
  await eventually('more transactions', async () =>
    (await database.countTransactions(server)) >= before + transactionsBetween ? true : undefined,
  )
}

async function takeSnapshot(sidecar: string): Promise<SnapshotRecord> {
  const { stdout, stderr } = await execIn(sidecar, 'snap-volume', 'snapshot', '--json')
  const { snapshot } = resultOf(stdout) as { snapshot?: SnapshotRecord }
  if (snapshot === undefined) throw new Error(`no snapshot: ${stdout}\n${stderr}`)
  return snapshot
}

/** What the documentation has done between the restore and the start of the server. */
async function finishRestore(
  { heading }: HookRecipe,
  { image }: Database,
  snapshot: string,
  mounts: readonly string[],
): Promise<void> {
  const commands = await commandsInSection(documentation, heading)
  for (const command of commands.filter((each) => each.startsWith('docker run '))) {
    const here = command
      .replace('--volumes-from db', mounts.join(' '))
      .replace(/ postgres:\d+ /, ` ${image} `)
      .replaceAll(/@GMT-[\d.-]+/g, snapshot)
    await execa('sh', ['-euc', here])
  }
}
