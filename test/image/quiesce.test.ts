import { readFileSync, readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotRecord } from '../../src/store/record.ts'
import {
  type Finished,
  docker,
  execIn,
  logsOf,
  removeContainer,
  startContainer,
  tryDocker,
} from '../support/docker.ts'
import { type HangingDisk, mountHangingDisk, writeToSlowDisk } from '../support/hanging-disk.ts'
import { whyNoLoopFilesystem } from '../support/loop-filesystem.ts'
import { skipBecause } from '../support/skip.ts'
import {
  isCounting,
  nameOf,
  readNumbers,
  startConsumer,
  stateOf,
  withDockerSocket,
} from './support/consumers.ts'
import { eventually, logLine } from './support/eventually.ts'
import { howOften } from '../support/sample.ts'
import { baseImage, describeOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  environment,
  resultOf,
  runBeside,
  startSidecar,
  succeeded,
} from './support/sidecar.ts'

async function snapshot(
  { container }: Sidecar,
  env: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number; record: SnapshotRecord; output: string }> {
  const { exitCode, stdout } = await execInWith(container, env, 'snapshot', '--json')
  return {
    exitCode,
    output: stdout,
    record: (resultOf(stdout) as { snapshot: SnapshotRecord }).snapshot,
  }
}

async function execInWith(
  container: string,
  env: Readonly<Record<string, string>>,
  ...words: string[]
): Promise<Finished> {
  return tryDocker('exec', ...environment(env), container, 'snap-volume', ...words)
}

/** What is odd about it, but that several in one second are named ahead of the clock. */
function oddities({ warnings }: SnapshotRecord): string[] {
  return warnings.filter(({ code }) => code !== 'clock').map(({ message }) => message)
}

describeOnEngine('consumers', () => {
  let sidecar: Sidecar
  let consumers: string[]

  before(async () => {
    sidecar = await startSidecar({ options: withDockerSocket, env: { SNAP_QUIESCE: 'pause' } })
    const volume = ['-v', `${sidecar.dataVolume}:/mine`]
    const idle = ['sleep', 'infinity']
    consumers = [
      await startConsumer(sidecar, {
        options: ['--name', `from-${sidecar.id}-${process.pid}`],
        command: idle,
      }),
      await startConsumer(
        { container: sidecar.container },
        { command: idle, labels: { 'snap-volume.quiesce': 'none' } },
      ),
    ]
    consumers.push(
      await startContainer(baseImage, { options: volume, command: idle }),
      await startContainer(baseImage, {
        options: ['-v', `${sidecar.data}:/bound:ro`],
        command: idle,
      }),
      await startContainer(baseImage, {
        options: ['-v', `${sidecar.data}/..:/above`],
        command: idle,
      }),
    )
    await startContainer(baseImage, {
      // nobody's data: the files of tests run side by side
      options: ['-v', '/usr/share:/elsewhere', '--mount', 'type=tmpfs,destination=/in-memory'],
      command: idle,
    })
  })

  it('are found by what they mount, and the sidecar is none of them', async () => {
    const shown = JSON.parse(succeeded(await runBeside(sidecar, ['show', '-a', '--json']))) as {
      consumers: { name: string; writes: boolean; quiesce: string }[]
      unknown?: string
    }
    expect(shown.unknown).to.equal(undefined)
    const names = await Promise.all(consumers.map(nameOf))
    expect(shown.consumers.map(({ name }) => name)).to.have.members(names)
    const of = (index: number) => shown.consumers.find(({ name }) => name === names[index])
    expect([of(0)?.quiesce, of(1)?.quiesce, of(3)?.quiesce]).to.deep.equal([
      'pause',
      'none',
      'none',
    ])
    expect([of(0)?.writes, of(3)?.writes]).to.deep.equal([true, false])
  })

  it('are listed for people', async () => {
    const name = await nameOf(consumers[0] ?? '')
    const output = succeeded(await execIn(sidecar.container, 'snap-volume', 'show', '-a'))
    expect(output).to.contain(`consumer ${name}`)
    expect(output).to.match(/running, writes data; paused for a snapshot/)
  })

  it('are known to doctor', async () => {
    const name = await nameOf(consumers[0] ?? '')
    const { stdout } = await execIn(sidecar.container, 'snap-volume', 'doctor')
    expect(stdout).to.contain(name)
  })
})

describeOnEngine('a consumer that is paused for snapshots', () => {
  let sidecar: Sidecar
  let consumer: string

  before(async () => {
    sidecar = await startSidecar({
      options: withDockerSocket,
      env: { SNAP_QUIESCE: 'pause' },
      fill: 'for file in $(seq 1 500); do echo $file > $file; done',
    })
    consumer = await startConsumer(sidecar)
    await isCounting(sidecar)
  })

  it('is found in one state by each of them, and goes on', async () => {
    for (let round = 0; round < howOften(10, 3); round += 1) {
      const { record, exitCode } = await snapshot(sidecar)
      expect(oddities(record)).to.deep.equal([])
      expect(exitCode === 0 || record.warnings.length > 0).to.equal(true)
      expect(record.consistency).to.equal('paused')
      const [a, b] = readNumbers(dataIn(sidecar, record.name))
      expect([b, b + 1], `round ${round}`).to.include(a)
      expect(await stateOf(consumer)).to.equal('running')
    }
  })

  it('is in the record, with how long', async () => {
    const { record } = await snapshot(sidecar)
    expect(record.consumers).to.have.length(1)
    const [held] = record.consumers ?? []
    expect(held).to.include({ name: await nameOf(consumer), action: 'pause' })
    expect(held?.ms).to.be.greaterThan(0)
    expect(record.quietMs).to.be.at.least(held?.ms ?? 0)
    const shown = succeeded(await execIn(sidecar.container, 'snap-volume', 'show', record.name))
    expect(shown).to.match(/consistency +paused \(\S+ paused for \d+/)
  })

  it('is left running where SNAP_QUIESCE is none, and the record says live', async () => {
    const { record } = await snapshot(sidecar, { SNAP_QUIESCE: 'none' })
    expect(record).to.include({ consistency: 'live' })
    expect(record.consumers).to.equal(undefined)
  })

  it('leaves no journal behind', () => {
    expect(() => readFileSync(join(sidecar.store, '.snap-volume/journal/consumers.json'))).to.throw(
      'ENOENT',
    )
  })

  for (const quiesce of ['pause', 'none']) {
    it(`is not touched when somebody else has paused it, and the record says paused (${quiesce})`, async () => {
      await docker('pause', consumer)
      const { record, exitCode } = await snapshot(sidecar, { SNAP_QUIESCE: quiesce })
      expect(record.consumers).to.equal(undefined)
      expect([record.consistency, exitCode]).to.deep.equal(['paused', 0])
      expect(await stateOf(consumer)).to.equal('paused')
      await docker('unpause', consumer)
    })
  }

  it('makes a snapshot live that goes on while the data are read, after somebody had paused it', async () => {
    await docker('pause', consumer)
    const large = join(sidecar.data, 'large')
    await writeFile(large, Buffer.alloc(300_000_000, 'x'))
    const taken = snapshot(sidecar, { SNAP_QUIESCE: 'none' })
    await eventually('a large file in staging', () =>
      readdirSync(join(sidecar.store, '.snap-volume/staging'), { recursive: true }).some((name) =>
        String(name).endsWith('large'),
      )
        ? true
        : undefined,
    )
    await docker('unpause', consumer)
    expect((await taken).record.consistency).to.equal('live')
    await rm(large)
  })

  it('runs again when the snapshot fails', async () => {
    const { exitCode, stdout } = await execInWith(
      sidecar.container,
      { SNAP_PRE_SNAPSHOT: 'exit 3' },
      'snapshot',
      '--json',
    )
    expect(exitCode).to.equal(1)
    expect(stdout).to.contain('the hook pre-snapshot failed (exit code 3)')
    expect(await stateOf(consumer)).to.equal('running')
  })
})

describeOnEngine('a consumer that waits for its disk, again and again', () => {
  let disk: HangingDisk | undefined

  after(async () => disk?.remove())

  it('is paused all the same, although it cannot be frozen while it waits', async function () {
    const why = await whyNoLoopFilesystem('ext4')
    if (why !== undefined) skipBecause(this, why)
    disk = await mountHangingDisk()
    const sidecar = await startSidecar({
      options: withDockerSocket,
      env: { SNAP_QUIESCE: 'pause' },
      fill: 'echo one > one',
    })
    const consumer = await startConsumer(sidecar, {
      options: ['-v', `${disk.path}:/slow`],
      command: writeToSlowDisk,
    })
    await logLine(consumer, /written/)
    disk.hangAgainAndAgain()
    for (let count = 0; count < 3; count += 1) {
      const { record, output } = await snapshot(sidecar)
      expect(record.consistency, output).to.equal('paused')
      expect(await stateOf(consumer)).to.equal('running')
    }
    await disk.goOn()
    await removeContainer(consumer)
  })
})

describeOnEngine('consumers that are stopped for snapshots', () => {
  let sidecar: Sidecar
  let db: string
  let web: string

  before(async () => {
    sidecar = await startSidecar({ options: withDockerSocket, env: { SNAP_QUIESCE: 'stop' } })
    db = await startConsumer(sidecar, { labels: { 'snap-volume.stop-order': '2' } })
    web = await startConsumer(sidecar, {
      labels: { 'snap-volume.stop-order': '1' },
      command: ['sleep', 'infinity'],
    })
    await isCounting(sidecar)
  })

  it('are stopped in their order, started in reverse, and the record says stopped', async () => {
    const { record, output } = await snapshot(sidecar)
    expect(record.consistency).to.equal('stopped')
    const names = { db: await nameOf(db), web: await nameOf(web) }
    const changes = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; name: string; state: string })
      .filter(({ type }) => type === 'consumer')
      .map(({ name, state }) => `${name} ${state}`)
    expect(changes).to.deep.equal([
      `${names.web} stopped`,
      `${names.db} stopped`,
      `${names.db} started`,
      `${names.web} started`,
    ])
    const [a, b] = readNumbers(dataIn(sidecar, record.name))
    expect(a).to.equal(b)
    expect([await stateOf(db), await stateOf(web)]).to.deep.equal(['running', 'running'])
  })

  it('are not started when they were stopped before', async () => {
    await docker('stop', web)
    await snapshot(sidecar)
    expect([await stateOf(db), await stateOf(web)]).to.deep.equal(['running', 'exited'])
  })

  it('are stopped for the record, too, when somebody stopped all of them before', async () => {
    await docker('stop', db)
    const { record, exitCode } = await snapshot(sidecar, { SNAP_QUIESCE: 'none' })
    expect([record.consistency, exitCode]).to.deep.equal(['stopped', 0])
    await docker('start', db)
    const running = await snapshot(sidecar, { SNAP_QUIESCE: 'none' })
    expect(running.record.consistency).to.equal('live')
  })
})

describeOnEngine('a sidecar without the Docker API', () => {
  it('takes a snapshot of the live data, and says what it could not do', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > one', env: { SNAP_QUIESCE: 'pause' } })
    const { exitCode, record } = await snapshot(sidecar)
    expect(exitCode).to.equal(3)
    expect(record.consistency).to.equal('live')
    expect(oddities(record)).to.have.length(1)
    expect(oddities(record)[0]).to.match(
      /there is no Docker API .*: SNAP_QUIESCE=pause was not done/,
    )
    const shown = succeeded(await execIn(sidecar.container, 'snap-volume', 'show', '-a'))
    expect(shown).to.match(/consumers +not known: there is no Docker API/)
  })

  it('is quiet about it where nobody asked for it', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > one' })
    const { exitCode, record } = await snapshot(sidecar)
    expect([exitCode, record.warnings]).to.deep.equal([0, []])
    expect(await logsOf(sidecar.container)).not.to.match(/docker/i)
  })
})
