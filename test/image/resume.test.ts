import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import { randomOf } from '../crash/support/random.ts'
import { docker, logsOf, removeContainer, startContainer, tryDocker } from '../support/docker.ts'
import {
  isCounting,
  nameOf,
  runOnVolumes,
  startConsumer,
  stateOf,
  withDockerSocket,
} from './support/consumers.ts'
import { eventually } from './support/eventually.ts'
import { howOften } from '../support/sample.ts'
import { baseImage, describeOnEngine, productImage, sampleOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  startAnew,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

const kills = Number(process.env['SNAP_VOLUME_TEST_KILLS'] ?? howOften(50, 6))

const journalOf = ({ store }: Sidecar): string => join(store, '.snap-volume/journal/consumers.json')

/** Starts a command in a container of its own beside the sidecar. */
async function startBeside({ container, options }: Sidecar, words: string[]): Promise<string> {
  return startContainer(productImage, {
    options: ['--volumes-from', container, ...options],
    command: words,
  })
}

/** How long a command runs when it is not killed, in ms. */
async function timeOf(sidecar: Sidecar, words: string[]): Promise<number> {
  const command = await startBeside(sidecar, words)
  const began = performance.now()
  expect(await docker('wait', command)).to.equal('0')
  const tookMs = performance.now() - began
  await removeContainer(command)
  return tookMs
}

/**
 * Lets `kill` kill something at a random instant and then runs another command, `count` times: the
 * consumer has to run after each. Prints how often the kill left it otherwise.
 */
async function killAgainAndAgain(
  sidecar: Sidecar,
  consumer: string,
  count: number,
  kill: (fraction: number) => Promise<void>,
): Promise<void> {
  const random = randomOf(`kill ${count}`)
  const found: string[] = []
  for (let round = 0; round < count; round += 1) {
    await kill(random())
    found.push(await stateOf(consumer))
    succeeded(await runOnVolumes(sidecar, ['show']))
    expect(await stateOf(consumer), `after kill ${round}`).to.equal('running')
    expect(existsSync(journalOf(sidecar)), `a journal after kill ${round}`).to.equal(false)
  }
  const asleep = found.filter((state) => state !== 'running').length
  process.stdout.write(`      left paused or stopped by the kill: ${asleep} of ${count}\n`)
}

sampleOnEngine({ tests: 3 }, 'a consumer of a program that is killed', () => {
  let sidecar: Sidecar
  let consumer: string

  before(async function () {
    this.timeout(240_000)
    sidecar = await startSidecar({
      options: withDockerSocket,
      env: { SNAP_QUIESCE: 'pause', SNAP_MAX: '1000' },
      // many files, for a pause that lasts
      fill: 'seq 1 30000 | xargs touch',
    })
    consumer = await startConsumer(sidecar)
    await isCounting(sidecar)
    await takeSnapshot(sidecar)
  })

  it('runs again after the next command, which says so', async () => {
    // a snapshot may be done before the kill arrives
    await eventually('a kill in a pause', async () => {
      const command = await startBeside(sidecar, ['snapshot'])
      await eventually('a paused consumer', async () =>
        (await stateOf(consumer)) === 'paused' ? true : undefined,
      )
      await tryDocker('kill', command)
      return (await stateOf(consumer)) === 'paused' ? true : undefined
    })
    const shown = await runOnVolumes(sidecar, ['show'])
    succeeded(shown)
    expect(await stateOf(consumer)).to.equal('running')
    // the daemon may have been quicker
    const said = `${shown.stderr}${await logsOf(sidecar.container)}`
    expect(said).to.contain(`container ${await nameOf(consumer)}: unpaused`)
  })

  /** As a killed program leaves it, which asked for a pause by its own clock. */
  async function writeJournal(asked: Date): Promise<void> {
    const name = await nameOf(consumer)
    const settledBy = new Date(asked.getTime() + 2000).toISOString()
    const consumers = [{ id: consumer, name, action: 'pause', settledBy }]
    const journal = { schema: 1, purpose: 'snapshot', startedAt: asked.toISOString(), consumers }
    writeFileSync(journalOf(sidecar), JSON.stringify(journal))
  }

  it('runs again after a start that is refused', async () => {
    await docker('pause', consumer)
    await writeJournal(new Date())
    const refused = await runOnVolumes(sidecar, ['start', 'data:/data', 'gone:/nowhere'])
    expect(refused.exitCode).to.equal(1)
    expect(refused.stderr).to.contain('/nowhere')
    expect(await stateOf(consumer)).to.equal('running')
    expect(existsSync(journalOf(sidecar))).to.equal(false)
  })

  it('is not waited for until a clock that was set back is right again', async () => {
    const inAnHour = new Date(Date.now() + 3_600_000)
    await writeJournal(inAnHour)
    succeeded(await runOnVolumes(sidecar, ['show']))
    expect(existsSync(journalOf(sidecar))).to.equal(false)
  })

  const half = Math.ceil(kills / 2)

  it(`runs again whenever the command snapshot was killed (${half} times)`, async function () {
    this.timeout(60_000 + half * 10_000)
    const tookMs = await timeOf(sidecar, ['snapshot'])
    await killAgainAndAgain(sidecar, consumer, half, async (fraction) => {
      const command = await startBeside(sidecar, ['snapshot'])
      await sleep(fraction * tookMs)
      await tryDocker('kill', command)
      await removeContainer(command)
    })
  })

  it(`runs again whenever the daemon was killed (${half} times)`, async function () {
    this.timeout(60_000 + half * 10_000)
    const { container } = await startAnew(sidecar, () => ({
      SNAP_QUIESCE: 'pause',
      SNAP_MAX: '1000',
      SNAP_CRON: '* * * * * *',
    }))
    await killAgainAndAgain(sidecar, consumer, half, async (fraction) => {
      await docker('start', container)
      await sleep(1000 + fraction * 2000)
      await docker('kill', container)
    })
    await removeContainer(container)
  })
})

sampleOnEngine({ tests: 1 }, 'a consumer of a restore that is killed', () => {
  const half = Math.ceil(kills / 2)
  let sidecar: Sidecar
  let consumer: string
  let words: string[]
  let tookMs: number

  before(async function () {
    this.timeout(120_000)
    sidecar = await startSidecar({
      options: withDockerSocket,
      env: { SNAP_QUIESCE: 'pause', SNAP_MAX: '1000' },
      fill: 'for file in $(seq 1 3000); do echo $file > $file; done',
    })
    // how long a stop that was asked for is waited for
    consumer = await startConsumer(sidecar, { options: ['--stop-timeout', '2'] })
    await isCounting(sidecar)
    words = ['restore', await takeSnapshot(sidecar)]
    tookMs = await timeOf(sidecar, words)
  })

  it(`runs again when the command was killed (${half} times)`, async function () {
    this.timeout(60_000 + half * 15_000)
    await killAgainAndAgain(sidecar, consumer, half, async (fraction) => {
      const command = await startBeside(sidecar, words)
      await sleep(fraction * tookMs)
      await tryDocker('kill', command)
      await removeContainer(command)
    })
  })

  it(`runs again when the daemon was killed that did it for a client (${half} times)`, async function () {
    this.timeout(60_000 + half * 20_000)
    const { container } = sidecar
    const socket = join(sidecar.store, '.snap-volume/control.sock')
    const options = [
      ...sidecar.options,
      '-e',
      'SNAP_HOST=unix:///opt/.snap/.snap-volume/control.sock',
    ]
    await docker('kill', container)
    await killAgainAndAgain(sidecar, consumer, half, async (fraction) => {
      rmSync(socket, { force: true })
      await docker('start', container)
      await eventually('a daemon that listens', () => existsSync(socket) || undefined)
      const client = await startBeside({ ...sidecar, options }, words)
      await sleep(fraction * tookMs)
      await docker('kill', container)
      await removeContainer(client)
    })
  })
})

describeOnEngine('a consumer that a daemon which is killed has stopped', () => {
  it('runs again after the next start', async () => {
    const sidecar = await startSidecar({
      options: withDockerSocket,
      env: { SNAP_QUIESCE: 'stop', SNAP_CRON: '* * * * * *' },
      fill: 'for file in $(seq 1 2000); do echo $file > $file; done',
    })
    const consumer = await startConsumer(sidecar)
    await eventually('a stopped consumer', async () =>
      (await stateOf(consumer)) === 'exited' ? true : undefined,
    )
    await docker('kill', sidecar.container)
    expect(JSON.parse(readFileSync(journalOf(sidecar), 'utf8'))).to.have.property('consumers')
    await docker('start', sidecar.container)
    await eventually('a running consumer', async () =>
      (await stateOf(consumer)) === 'running' ? true : undefined,
    )
  })
})

describeOnEngine('a journal of paused containers', () => {
  let sidecar: Sidecar

  before(async () => {
    sidecar = await startSidecar({ options: withDockerSocket, fill: 'echo one > one' })
  })

  async function plant(id: string, name: string): Promise<void> {
    const journal = {
      schema: 1,
      purpose: 'snapshot',
      startedAt: '2026-11-20T03:00:00.000Z',
      consumers: [{ id, name, action: 'stop' }],
    }
    await execa('sh', ['-c', 'cat > "$0"', journalOf(sidecar)], { input: JSON.stringify(journal) })
  }

  it('starts no container that does not mount the data, whoever wrote it', async () => {
    const stranger = await startContainer(baseImage, { command: ['true'] })
    await docker('wait', stranger)
    await plant(stranger, 'stranger')
    const { stderr } = await runOnVolumes(sidecar, ['show'])
    expect(stderr).to.contain('mounts none of the volumes, so it was not resumed')
    expect(await stateOf(stranger)).to.equal('exited')
    await execa('rm', [journalOf(sidecar)])
  })

  it('forgets a container that is gone', async () => {
    await plant('0'.repeat(64), 'gone')
    succeeded(await runOnVolumes(sidecar, ['show']))
    expect(readdirSync(join(sidecar.store, '.snap-volume/journal'))).to.deep.equal([])
  })

  it('says what to do where there is no Docker API', async () => {
    await plant('0'.repeat(64), 'db')
    const { stderr } = await runOnVolumes({ ...sidecar, options: [] }, ['show'])
    expect(stderr).to.contain('run "docker start db"')
    await execa('rm', [journalOf(sidecar)])
  })
})
