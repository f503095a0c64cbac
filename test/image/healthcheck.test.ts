import { expect } from 'chai'
import { docker, execIn, waitForHealthy } from '../support/docker.ts'
import { eventually } from './support/eventually.ts'
import { describeOnEngine } from './support/on-engine.ts'
import { type Sidecar, runAsConsumer, snapshotNames, startSidecar } from './support/sidecar.ts'

const heartbeat = '/opt/.snap/.snap-volume/heartbeat'

/** Runs the command of the image's HEALTHCHECK now. */
async function check({ container }: Sidecar) {
  const format = '{{json .Config.Healthcheck.Test}}'
  const [kind, ...words] = JSON.parse(
    await docker('inspect', '--format', format, container),
  ) as string[]
  expect(kind).to.equal('CMD')
  return execIn(container, ...words)
}

describeOnEngine('the health of a sidecar', () => {
  let sidecar: Sidecar

  before(async () => {
    // the image's own 30 s, shortened
    sidecar = await startSidecar({
      fill: 'echo one > file',
      options: ['--health-interval', '1s', '--health-retries', '1'],
    })
  })

  it('becomes healthy', async () => {
    await waitForHealthy(sidecar.container, 20_000)
    expect((await check(sidecar)).exitCode).to.equal(0)
  })

  it('turns unhealthy when the daemon is frozen and its heartbeat two minutes old', async () => {
    const { container } = sidecar
    await execIn(container, 'sh', '-c', 'kill -STOP $(cat /proc/1/task/1/children)')
    await execIn(container, 'touch', '-d', '3 minutes ago', heartbeat)
    const { exitCode, stdout } = await check(sidecar)
    expect(exitCode).to.equal(1)
    expect(stdout).to.contain('no heartbeat of the daemon for 120 s')
    await eventually('an unhealthy container', async () => {
      const state = await docker('inspect', '--format', '{{.State.Health.Status}}', container)
      return state === 'unhealthy' ? state : undefined
    })
  })

  it('is told by show -a: no daemon runs', async () => {
    const { stdout } = await execIn(sidecar.container, 'snap-volume', 'show', '-a')
    expect(stdout).to.match(/next run +none: no daemon runs/)
  })

  it('is good again after docker restart', async () => {
    const { container } = sidecar
    await execIn(container, 'sh', '-c', 'kill -CONT $(cat /proc/1/task/1/children)')
    await docker('restart', container)
    await waitForHealthy(container, 20_000)
  })

  it('follows SNAP_DIR', async () => {
    const elsewhere = await startSidecar({
      fill: 'echo one > file',
      options: [
        '--tmpfs',
        '/elsewhere',
        '-e',
        'SNAP_DIR=/elsewhere/store',
        '-e',
        'SNAP_ACCEPT_STORE=true',
        '--health-interval',
        '1s',
      ],
    })
    await waitForHealthy(elsewhere.container, 20_000)
    expect((await check(elsewhere)).exitCode).to.equal(0)
  })

  it('follows SNAP_DIR_FILE', async () => {
    const elsewhere = await startSidecar({
      fill: 'echo one > file; echo /elsewhere/store > where',
      options: [
        '--tmpfs',
        '/elsewhere',
        '-e',
        'SNAP_DIR_FILE=/data/where',
        '-e',
        'SNAP_ACCEPT_STORE=true',
      ],
    })
    expect((await check(elsewhere)).stdout).to.match(/^healthy: ok/)
  })
})

const troubles: [what: string, begin: string, end: string][] = [
  ['whose snapshots fail', 'rm file', 'echo two > file'],
  // a hook that waits, and uses no processor
  ['whose schedule stalls, because a run does not end', 'mkfifo hang', 'echo >hang; rm hang'],
]
for (const [what, begin, end] of troubles) {
  describeOnEngine(`a sidecar ${what}`, () => {
    it('turns unhealthy within a period and the margin, and is healthy after the next success', async function () {
      this.timeout(240_000)
      const sidecar = await startSidecar({
        fill: 'echo one > file',
        env: {
          SNAP_CRON: '* * * * * *',
          SNAP_STALE_AFTER: '2s',
          SNAP_PRE_SNAPSHOT: 'test ! -e /data/hang || cat /data/hang',
          SNAP_HOOK_TIMEOUT: '10m',
        },
        options: ['--health-interval', '1s', '--health-retries', '1'],
      })
      const { container } = sidecar
      const becomes = async (wanted: string): Promise<void> => {
        const format = '{{.State.Health.Status}}'
        const isSo = async (): Promise<true | undefined> =>
          (await docker('inspect', '--format', format, container)) === wanted ? true : undefined
        // a run that does not end is seen by the next heartbeat
        await eventually(`a container that is ${wanted}`, isSo, 100_000)
      }
      await eventually('a snapshot', () => snapshotNames(sidecar)[0])
      await becomes('healthy')
      await runAsConsumer(sidecar, begin)
      await becomes('unhealthy')
      const { exitCode, stdout } = await execIn(container, 'snap-volume', 'status', '--check')
      expect(stdout).to.match(/^critical: a snapshot is overdue/)
      expect(exitCode).to.equal(2)
      await runAsConsumer(sidecar, end)
      await becomes('healthy')
    })
  })
}
