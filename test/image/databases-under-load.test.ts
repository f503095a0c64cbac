import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
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
  startContainer,
} from '../support/docker.ts'
import {
  type FilesystemType,
  type LoopFilesystem,
  mountLoopFilesystem,
  whyNoLoopFilesystem,
} from '../support/loop-filesystem.ts'
import { skipBecause } from '../support/skip.ts'
import { withDockerSocket } from './support/consumers.ts'
import { type Database, mariadb, postgres, startServer } from './support/databases.ts'
import { logLine } from './support/eventually.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import { environment, resultOf } from './support/sidecar.ts'

/** So many as the documentation tells of; fewer on the other filesystems and by hooks. */
const rounds = Number(process.env['SNAP_VOLUME_TEST_ROUNDS'] ?? 20)
const fewRounds = Math.ceil(rounds / 4)

const neverDue = '0 0 29 2 *'

/** What a server printed that means that its data were not as they must be. */
const damage =
  /corrupt|page verification failed|invalid page|checksum mismatch|PANIC|Assertion failure|torn/i

interface Setting {
  title: string
  database: Database
  /** Where data and store are; undefined for volumes of the Engine. */
  filesystem?: FilesystemType
  by: 'pause' | 'hooks' | 'nothing'
  count: number
}

const settings: Setting[] = [mariadb, postgres].flatMap((database): Setting[] => [
  { title: 'paused', database, by: 'pause', count: rounds },
  { title: 'paused, on XFS', database, filesystem: 'xfs', by: 'pause', count: fewRounds },
  { title: 'paused, on btrfs', database, filesystem: 'btrfs', by: 'pause', count: fewRounds },
  { title: 'held by hooks', database, by: 'hooks', count: fewRounds },
  // on ext4 where that is what the Engine keeps its volumes on
  { title: 'live', database, by: 'nothing', count: fewRounds },
])

const consistencyBy = { pause: 'paused', hooks: 'hooked', nothing: 'live' } as const

for (const { title, database, filesystem, by, count } of settings) {
  describeOnEngine(`${database.name} under write load, ${title}`, function () {
    this.timeout(60_000 + count * 40_000)
    const path = (by === 'hooks' ? database.hooks.path : undefined) ?? database.path
    const held = by === 'hooks' ? database.hooks.data : '.'
    let loop: LoopFilesystem | undefined
    let data: string
    let store: string
    let sidecar: string
    let server: string

    before(async function () {
      if (filesystem !== undefined) {
        const why = await whyNoLoopFilesystem(filesystem)
        if (why !== undefined) skipBecause(this, why)
        loop = await mountLoopFilesystem(filesystem, { sizeMiB: 3000 })
      }
      ;[data, store] = await places(loop, filesystem)
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
      const labels = by === 'hooks' ? database.hooks.labels : {}
      server = await startServer(database, ['-v', `${data}:${path}`], labels)
      await database.prepare(server)
      await database.load(server)
    })

    after(async () => {
      for (const container of [server, sidecar]) if (container) await removeContainer(container)
      await loop?.remove()
    })

    const takeOne = async (): Promise<SnapshotRecord> => {
      const record = await takeSnapshot(sidecar)
      expect(record.consistency).to.equal(consistencyBy[by])
      return record
    }
    const start = async ({ name }: SnapshotRecord, round: number): Promise<number> =>
      startFrom(database, join(await pathOf(store), name, 'db', held), round)

    if (by === 'nothing') {
      it(`is told to be live in the record of each of ${count} snapshots`, async () => {
        const failures: string[] = []
        for (let round = 1; round <= count; round += 1) {
          const record = await takeOne()
          await start(record, round).catch((error: unknown) => failures.push(messageOf(error)))
        }
        for (const failure of failures) process.stdout.write(`      ${failure.slice(0, 300)}\n`)
        process.stdout.write(
          `      ${database.name}, live: ${failures.length} of ${count} did not start, or were damaged\n`,
        )
      })
      return
    }

    it(`starts from each of ${count} snapshots, and all belongs together`, async () => {
      const quietMs: number[] = []
      let before = -1
      for (let round = 1; round <= count; round += 1) {
        const record = await takeOne()
        const transactions = await start(record, round)
        const tookMs = record.hooks?.find(({ point }) => point === 'pre-snapshot')?.ms
        quietMs.push(record.quietMs ?? tookMs ?? 0)
        expect(transactions, `transactions in snapshot ${round}`).to.be.greaterThan(before)
        before = transactions
      }
      const median = quietMs.toSorted((one, other) => one - other)[Math.floor(count / 2)]
      process.stdout.write(
        `      ${database.name}, ${title}: held for ${median} ms (median of ${count})\n`,
      )
    })
  })
}

async function places(
  loop: LoopFilesystem | undefined,
  filesystem: FilesystemType | undefined,
): Promise<[data: string, store: string]> {
  if (loop === undefined) return [await createVolume(), await createVolume()]
  const [data, store] = [join(loop.path, 'data'), join(loop.path, 'store')]
  if (filesystem === 'btrfs') await execa('btrfs', ['subvolume', 'create', data])
  else mkdirSync(data)
  mkdirSync(store)
  return [data, store]
}

/** Where a volume, or a directory of this machine, is on this machine. */
async function pathOf(place: string): Promise<string> {
  return place.startsWith('/')
    ? place
    : docker('volume', 'inspect', '--format', '{{.Mountpoint}}', place)
}

async function takeSnapshot(sidecar: string): Promise<SnapshotRecord> {
  const { stdout, stderr } = await execIn(sidecar, 'snap-volume', 'snapshot', '--json')
  const { snapshot } = resultOf(stdout) as { snapshot?: SnapshotRecord }
  if (snapshot === undefined) throw new Error(`no snapshot: ${stdout}\n${stderr}`)
  return snapshot
}

/** Starts a server on a copy of what is in the snapshot, and has it checked. */
async function startFrom(database: Database, snapshot: string, round: number): Promise<number> {
  const copy = await createVolume()
  await execa('cp', ['-a', `${snapshot}/.`, await pathOf(copy)])
  const restored = await startServer(database, ['-v', `${copy}:${database.path}`])
  try {
    const transactions = await database.check(restored)
    expect(await logsOf(restored), `the log of snapshot ${round}`).not.to.match(damage)
    return transactions
  } finally {
    await removeContainer(restored)
    await docker('volume', 'rm', copy)
  }
}
