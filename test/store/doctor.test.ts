import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import type { DoctorFinding } from '../../src/actions/doctor/finding.ts'
import { type Daemon, type Finished, lastDocumentOf } from '../support/cli.ts'
import {
  type LoopFilesystem,
  mountLoopFilesystem,
  whyNoLoopFilesystem,
} from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { skipBecause } from '../support/skip.ts'
import {
  type TestStore,
  configure,
  makeStore,
  makeUnconfiguredStore,
} from '../support/test-store.ts'

function findingsOf(finished: Finished): DoctorFinding[] {
  return lastDocumentOf(finished)['findings'] as DoctorFinding[]
}

/** Those that are not `ok`. */
function troubles(finished: Finished): string[] {
  return findingsOf(finished)
    .filter(({ level }) => level !== 'ok')
    .map(({ level, subject }) => `${level}: ${subject}`)
}

describe('doctor', () => {
  let store: TestStore
  let daemon: Daemon | undefined

  const examine = async (env: Record<string, string> = {}): Promise<Finished> =>
    store.run(['doctor', '--json'], { env: { DOCKER_HOST: 'unix:///nowhere.sock', ...env } })

  beforeEach(async () => {
    store = await makeStore()
    daemon = await store.startDaemon()
  })

  afterEach(async () => {
    await daemon?.stop()
    await store.remove()
  })

  it('has no problem with a store that works, and leaves nothing behind', async () => {
    await store.snapshot()
    const before = readdirSync(join(store.directory, '.snap-volume'))
    const finished = await examine()
    expect(troubles(finished).filter((trouble) => trouble.startsWith('problem'))).to.deep.equal([])
    expect(finished.exitCode).to.equal(0)
    expect(readdirSync(join(store.directory, '.snap-volume'))).to.deep.equal(before)
  })

  it('says to people what to do', async () => {
    await daemon?.stop()
    const { exitCode, stdout } = await store.run(['doctor'])
    expect(exitCode).to.equal(3)
    expect(stdout).to.match(
      /^problem +daemon +none runs on this store\n +-> start the container of "snap-volume start"$/m,
    )
    expect(stdout).to.match(/^\d+ problems?, \d+ notes?, \d+ ok$/m)
  })

  const cases: [what: string, harm: () => void, trouble: string, fix: RegExp][] = [
    [
      'a restore that was cut off',
      () =>
        writeFileSync(
          join(store.directory, '.snap-volume/journal/restore.json'),
          JSON.stringify({
            schema: 1,
            snapshot: '@GMT-2026.11.20-03.00.00',
            safety: '@GMT-2026.11.20-04.00.00',
            undo: false,
            volumes: [{ id: 'data', path: store.data }],
            startedAt: '2026-11-20T04:00:00.000Z',
            finishedAt: null,
          }),
        ),
      'problem: journal',
      /^finish it with "snap-volume restore .*", or go back with "snap-volume restore --undo"$/,
    ],
    [
      'a journal of a restore that cannot be read',
      () => writeFileSync(join(store.directory, '.snap-volume/journal/restore.json'), '{'),
      'problem: journal',
      /^move the file away when the live data are as they should be$/,
    ],
    [
      'a container that is left paused',
      () =>
        writeFileSync(
          join(store.directory, '.snap-volume/journal/consumers.json'),
          JSON.stringify({
            schema: 1,
            purpose: 'snapshot',
            startedAt: '2026-11-20T04:00:00.000Z',
            consumers: [{ id: '0'.repeat(64), name: 'db', action: 'pause' }],
          }),
        ),
      'problem: journal',
      /any command resumes them/,
    ],
    [
      'data that are not there',
      () => rmSync(store.data, { recursive: true }),
      'problem: volume data',
      /./,
    ],
    [
      'a store that only root can enter',
      () => chmodSync(store.directory, 0o700),
      'note: samba',
      /chmod 0755/,
    ],
    [
      'a configuration that cannot be read',
      () => writeFileSync(join(store.directory, '.snap-volume/config.json'), '{'),
      'problem: store',
      /run "snap-volume start/,
    ],
  ]
  for (const [what, harm, trouble, fix] of cases) {
    it(`finds ${what}, and says what to do`, async () => {
      harm()
      const finished = await examine()
      expect(troubles(finished)).to.include(trouble)
      const subject = trouble.split(': ')[1]
      const found = findingsOf(finished).find(
        (finding) => finding.subject === subject && finding.level !== 'ok',
      )
      expect(found?.fix).to.match(fix)
    })
  }

  it('finds too little room, by the thresholds of status', async () => {
    expect(troubles(await examine({ SNAP_WARN_FREE: '100' }))).to.include('note: space')
    const both = { SNAP_WARN_FREE: '100', SNAP_CRITICAL_FREE: '100' }
    expect(troubles(await examine(both))).to.include('problem: space')
  })

  it('finds that SNAP_QUIESCE cannot be done', async () => {
    const finished = await examine({ SNAP_QUIESCE: 'pause' })
    expect(troubles(finished)).to.include('problem: docker')
  })

  it('says of a Docker API that is named and does not answer what to do about that', async () => {
    const found = findingsOf(await examine({ SNAP_QUIESCE: 'pause' })).find(
      ({ subject }) => subject === 'docker',
    )
    expect(found?.message).to.match(/^SNAP_QUIESCE=pause, and .* cannot be reached \(ENOENT\)$/)
    expect(found?.fix).to.equal('is the socket mounted, and DOCKER_HOST right?')
  })

  it('prints nothing else where DOCKER_HOST is an address', async () => {
    const asked: string[] = []
    const engine = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.setHeader('content-type', 'application/json').end('[]')
    }).listen(0, '127.0.0.1')
    await once(engine, 'listening')
    const { port } = engine.address() as AddressInfo
    const finished = await examine({ DOCKER_HOST: `tcp://127.0.0.1:${port}` })
    engine.close()
    expect(findingsOf(finished).find(({ subject }) => subject === 'docker')?.level).to.equal('ok')
    expect(asked).to.deep.equal(['GET /containers/json?all=true'])
    expect(finished.stderr).to.equal('')
  })

  it('says where there is no store, and what it can tell without', async () => {
    const finished = await examine({ SNAP_DIR: '/nowhere' })
    expect(findingsOf(finished).map(({ subject }) => subject)).to.include.members([
      'rsync',
      'store',
    ])
    expect(finished.exitCode).to.equal(3)
  })
})

describe('doctor, on other filesystems', () => {
  for (const type of ['xfs', 'btrfs'] as const) {
    it(`says what ${type} can do`, async function () {
      const why = await whyNoLoopFilesystem(type)
      if (why !== undefined) skipBecause(this, why)
      const filesystem: LoopFilesystem = await mountLoopFilesystem(type)
      try {
        mkdirSync(join(filesystem.path, 'home'))
        const store = await makeUnconfiguredStore({ on: join(filesystem.path, 'home') })
        await configure(store)
        const finished = await store.run(['doctor', '--json'])
        const levels = new Map(findingsOf(finished).map(({ subject, level }) => [subject, level]))
        expect([levels.get('hard links'), levels.get('reflinks')]).to.deep.equal(['ok', 'ok'])
        if (type === 'btrfs') {
          const fix = findingsOf(finished).find(({ level }) => level === 'note')?.fix
          expect(fix).to.contain('snap-volume subvolume data')
        }
      } finally {
        await filesystem.remove()
      }
    })
  }

  it('says on XFS that contents can be swapped unseen, until SNAP_CHECKSUM_CRON is set', async function () {
    const filesystem = await loopOrSkip(this, 'xfs')
    try {
      mkdirSync(join(filesystem.path, 'home'))
      const store = await makeUnconfiguredStore({ dataOn: join(filesystem.path, 'home') })
      const fixes = async (env: Record<string, string>): Promise<string> => {
        await (await store.startDaemon({ env })).stop()
        return findingsOf(await store.run(['doctor', '--json']))
          .filter(({ level, subject }) => level === 'note' && subject === 'volume data')
          .map(({ fix }) => fix)
          .join()
      }
      try {
        expect(await fixes({})).to.include('set SNAP_CHECKSUM_CRON')
        expect(await fixes({ SNAP_CHECKSUM_CRON: '0 4 * * 0' })).not.to.include('SNAP_CHECKSUM')
      } finally {
        await store.remove()
      }
    } finally {
      await filesystem.remove()
    }
  })
})
