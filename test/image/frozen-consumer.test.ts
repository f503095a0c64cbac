import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { type Finished, docker, execIn, removeContainer, tryDocker } from '../support/docker.ts'
import { type HangingDisk, mountHangingDisk, writeToSlowDisk } from '../support/hanging-disk.ts'
import { whyNoLoopFilesystem } from '../support/loop-filesystem.ts'
import { skipBecause } from '../support/skip.ts'
import { nameOf, startConsumer, stateOf, withDockerSocket } from './support/consumers.ts'
import { eventually, logLine } from './support/eventually.ts'
import { describeOnEngine } from './support/on-engine.ts'
import { type Sidecar, resultOf, startSidecar } from './support/sidecar.ts'

/**
 * For so long the disk hangs then: longer than the runtime waits on cgroup v2, which is ten
 * seconds.
 */
const hangMs = 30_000

/** Whether a process of a container waits for a disk, uninterruptibly (proc(5)). */
function waitsForDisk(container: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      const isOurs = readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(container)
      return isOurs && /\) D /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    } catch {
      return false
    }
  })
}

/** Two versions of cgroups, and what becomes of a pause that fails there. */
async function cgroupVersion(): Promise<string> {
  return docker('info', '--format', '{{.CgroupVersion}}')
}

const codesOf = ({ warnings }: SnapshotRecord): string[] => warnings.map(({ code }) => code)

describeOnEngine('a consumer whose disk hangs while it is paused', function () {
  this.timeout(240_000)
  let disk: HangingDisk | undefined
  let sidecar: Sidecar
  let consumer: string
  let name: string
  let other: string

  before(async function () {
    const why = await whyNoLoopFilesystem('ext4')
    if (why !== undefined) skipBecause(this, why)
    disk = await mountHangingDisk()
    sidecar = await startSidecar({
      options: withDockerSocket,
      env: { SNAP_QUIESCE: 'pause' },
      fill: 'echo one > one',
    })
    other = await startConsumer(sidecar, { command: ['sleep', 'infinity'] })
  })

  afterEach(async () => {
    await disk?.goOn()
    await removeContainer(consumer)
  })

  after(async () => disk?.remove())

  async function startOnDisk(labels: Readonly<Record<string, string>> = {}): Promise<void> {
    consumer = await startConsumer(sidecar, {
      labels,
      options: ['-v', `${disk?.path}:/slow`],
      command: writeToSlowDisk,
    })
    name = await nameOf(consumer)
    await logLine(consumer, /written/)
  }

  /** The disk hangs from now on, and goes on by itself some time after the pause was asked for. */
  async function hang(): Promise<void> {
    await disk?.hang()
    await eventually('a write that waits', () => (waitsForDisk(consumer) ? true : undefined))
    void goOnLater()
  }

  async function goOnLater(): Promise<void> {
    await pauseIsAskedFor()
    await sleep(hangMs)
    await disk?.goOn()
  }

  const pauseIsAskedFor = async (): Promise<true> =>
    eventually('a pause that was asked for', () => (hasJournal() ? true : undefined))

  async function snapshot(): Promise<{ exitCode: number; stdout: string; record: SnapshotRecord }> {
    const { exitCode, stdout } = await inSidecar('snapshot', '--json')
    const { snapshot: record } = resultOf(stdout) as { snapshot: SnapshotRecord }
    return { exitCode, stdout, record }
  }

  const inSidecar = async (...words: string[]): Promise<Finished> =>
    execIn(sidecar.container, 'snap-volume', ...words)

  const check = async (): Promise<Finished> => inSidecar('status', '--check')

  async function health(): Promise<string> {
    return (await execIn(sidecar.container, 'healthcheck.sh')).stdout
  }

  const hasJournal = (): boolean =>
    existsSync(join(sidecar.store, '.snap-volume/journal/consumers.json'))

  async function writes(): Promise<boolean> {
    const before = await docker('logs', '--tail', '1', consumer)
    await sleep(2000)
    return (await docker('logs', '--tail', '1', consumer)) !== before
  }

  /** An application that is left frozen, which docker does not see. */
  async function expectFrozen(): Promise<void> {
    expect([await stateOf(consumer), await writes()]).to.deep.equal(['running', false])
    expect((await tryDocker('unpause', consumer)).stderr).to.contain('is not paused')
    const { exitCode, stdout } = await check()
    expect([exitCode, stdout]).to.deep.equal([2, stdout])
    expect(stdout).to.match(/^critical: .*does not run, although docker says so/)
    expect(stdout).to.contain(`run "docker restart ${name}"`)
  }

  describe('on cgroup v2', () => {
    before(async function () {
      const version = await cgroupVersion()
      if (version !== '2') skipBecause(this, `the Engine is on cgroup v${version}`)
    })

    it('is found frozen, and that is critical until it runs again', async () => {
      await startOnDisk()
      await hang()
      const { exitCode, stdout, record } = await snapshot()
      expect([exitCode, record.consistency]).to.deep.equal([3, 'live'])
      expect(codesOf(record)).to.include.members(['consumer-not-held', 'consumer-frozen'])
      expect(stdout).to.contain(`run \\"docker restart ${name}\\"`)
      expect(await stateOf(other)).to.equal('running')
      await disk?.goOn()
      await expectFrozen()

      await eventually(
        'a daemon that says so',
        async () => (/^unhealthy: .*docker restart/.test(await health()) ? true : undefined),
        60_000,
      )
      const next = await snapshot()
      expect([next.exitCode, next.record.consistency]).to.deep.equal([3, 'live'])
      await expectFrozen()

      await docker('restart', '--time', '0', consumer)
      await logLine(consumer, /written/)
      expect((await check()).stdout).not.to.contain('critical')
      await eventually('no journal', () => (hasJournal() ? undefined : true))
      const good = await snapshot()
      expect([good.exitCode, good.record.consistency]).to.deep.equal([0, 'paused'])
      expect(await writes()).to.equal(true)
      await eventually(
        'a daemon that is well',
        async () => ((await health()).startsWith('healthy: ') ? true : undefined),
        60_000,
      )
      expect((await check()).stdout.trim()).to.equal('ok')
    })

    it('is found by the next start when the program was killed meanwhile', async () => {
      await startOnDisk()
      await hang()
      const command = snapshot().catch(() => undefined)
      await pauseIsAskedFor()
      await docker('kill', sidecar.container)
      await command
      await docker('start', sidecar.container)
      await logLine(sidecar.container, new RegExp(`docker restart ${name}`), 60_000)
      await disk?.goOn()
      await expectFrozen()
      expect(
        readFileSync(join(sidecar.store, '.snap-volume/journal/consumers.json'), 'utf8'),
      ).to.contain('"frozen"')
      await docker('restart', '--time', '0', consumer)
      expect((await check()).stdout).not.to.contain('critical')
      await eventually('no journal', () => (hasJournal() ? undefined : true))
    })

    it('is restarted where its label says so, and the record tells', async () => {
      await startOnDisk({ 'snap-volume.on-frozen': 'restart' })
      const before = await docker('inspect', '--format', '{{.State.StartedAt}}', consumer)
      await hang()
      const { exitCode, stdout, record } = await snapshot()
      expect([exitCode, record.consistency]).to.deep.equal([3, 'live'])
      expect(codesOf(record)).to.deep.equal(['consumer-not-held', 'consumer-restarted'])
      for (const state of ['frozen', 'restarted']) {
        expect(stdout).to.contain(JSON.stringify({ type: 'consumer', name, state }))
      }
      await disk?.goOn()
      expect(await docker('inspect', '--format', '{{.State.StartedAt}}', consumer)).not.to.equal(
        before,
      )
      expect(await writes()).to.equal(true)
      expect(hasJournal()).to.equal(false)
      expect((await check()).stdout).not.to.contain('critical')
    })
  })

  describe('on cgroup v1', () => {
    before(async function () {
      const version = await cgroupVersion()
      if (version !== '1') skipBecause(this, `the Engine is on cgroup v${version}`)
    })

    it('goes on, and nothing is left to do', async () => {
      await startOnDisk()
      await hang()
      const { exitCode, record } = await snapshot()
      // since Linux 6.1 whoever waits for a frozen filesystem can be frozen there
      const isHeld = record.consistency === 'paused'
      expect([exitCode, record.consistency]).to.deep.equal(isHeld ? [0, 'paused'] : [3, 'live'])
      expect(codesOf(record)).to.deep.equal(isHeld ? [] : ['consumer-not-held'])
      await disk?.goOn()
      expect(await writes()).to.equal(true)
      expect(hasJournal()).to.equal(false)
      expect((await check()).stdout).not.to.contain('critical')
    })
  })
})
