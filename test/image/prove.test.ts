import { expect } from 'chai'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { docker, execIn, tryDocker, waitForHealthy } from '../support/docker.ts'
import { shellIn } from '../support/shell.ts'
import { randomOf, seed } from '../crash/support/random.ts'
import { startConsumer, withDockerSocket } from './support/consumers.ts'
import { mariadb, postgres, startServer } from './support/databases.ts'
import { logLine } from './support/eventually.ts'
import { describeOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  killIn,
  resultOf,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

interface Proved {
  snapshot: string
  proofs: { container: string; outcome: string; reason: string; output: string; ms: number }[]
}

const kills = Number(process.env['SNAP_VOLUME_TEST_KILLS'] ?? 5)
const checks = `mariadb -e 'CHECK TABLE bank.account, bank.transfer EXTENDED' | tee /dev/stderr | awk 'NR > 1 && $4 != "OK" { bad = 1 } END { exit bad }'`

/** What `prove` may leave behind: containers, Docker volumes and clones of this store. */
async function leftBehind({ store }: Sidecar): Promise<string[]> {
  const clones = readdirSync(join(store, '.snap-volume')).includes('clones')
    ? readdirSync(join(store, '.snap-volume/clones'))
    : []
  const containers = linesOf(
    await docker('ps', '-a', '--filter', 'name=snap-volume-prove-', '--format', '{{.Names}}'),
  )
  const volumes = linesOf(
    await docker('volume', 'ls', '--filter', 'name=snap-volume-prove-', '--format', '{{.Name}}'),
  )
  return [...clones, ...containers, ...volumes]
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '')
}

async function prove(
  { container }: Sidecar,
  ...words: string[]
): Promise<Proved & { exitCode: number }> {
  const { exitCode, stdout, stderr } = await execIn(
    container,
    'snap-volume',
    'prove',
    ...words,
    '--json',
  )
  expect([0, 1], stderr + stdout).to.include(exitCode)
  return { ...(resultOf(stdout) as Proved), exitCode }
}

describeOnEngine('A snapshot of a MariaDB server', () => {
  let sidecar: Sidecar
  let server: string
  let good: string

  before(async () => {
    sidecar = await startSidecar({
      id: 'mysql',
      path: mariadb.path,
      env: { SNAP_QUIESCE: 'pause', SNAP_PROVE_TIMEOUT: '60s' },
      options: withDockerSocket,
    })
    server = await startServer(mariadb, ['--volumes-from', sidecar.container], {
      'snap-volume.prove': checks,
    })
    await mariadb.prepare(server)
    good = await takeSnapshot(sidecar)
  })

  it('is proved by a copy that starts on it, and the server is not touched', async () => {
    const state = async () =>
      docker(
        'inspect',
        '--format',
        '{{.State.StartedAt}} {{json .NetworkSettings.Networks}}',
        server,
      )
    const [before, networks] = [await state(), await docker('network', 'ls', '-q')]
    const { exitCode, snapshot, proofs } = await prove(sidecar)
    expect(exitCode, JSON.stringify(proofs)).to.equal(0)
    expect(snapshot).to.equal(good)
    expect(proofs.map(({ outcome }) => outcome)).to.deep.equal(['proved'])
    expect(proofs[0]?.output).to.match(/bank.account\s+check\s+status\s+OK/)
    expect(await state()).to.equal(before)
    expect(await docker('network', 'ls', '-q')).to.equal(networks)
    await mariadb.check(server)
    expect(await leftBehind(sidecar)).to.deep.equal([])

    const show = async (...words: string[]) =>
      succeeded(await execIn(sidecar.container, 'snap-volume', 'show', ...words))
    expect(await show()).to.match(new RegExp(`^${good} .* proved$`, 'm'))
    expect(await show(good)).to.match(/^proved +\S+: healthy by the command of its label/m)
  })

  it('that is torn is not, and says why', async () => {
    // else its log has what is torn
    await docker('restart', server)
    await waitForHealthy(server)
    const torn = await takeSnapshot(sidecar)
    await shellIn(
      join(dataIn(sidecar, torn), 'bank'),
      `cp -p account.ibd torn; mv torn account.ibd
       dd if=/dev/urandom of=account.ibd bs=16k seek=3 count=2 conv=notrunc status=none`,
    )
    const { exitCode, proofs } = await prove(sidecar, torn)
    expect(exitCode).to.equal(1)
    expect(proofs[0]).to.include({ outcome: 'failed' })
    expect(await leftBehind(sidecar)).to.deep.equal([])
    const { stdout } = await execIn(sidecar.container, 'snap-volume', 'status')
    expect(stdout).to.contain(`a server did not start on a copy of ${torn}`)
    const metrics = await execIn(sidecar.container, 'snap-volume', 'status', '--json')
    expect(JSON.parse(metrics.stdout)).to.have.nested.property('lastProof.outcome', 'failed')
    succeeded(await execIn(sidecar.container, 'snap-volume', 'remove', torn, '--yes'))
  })

  it('is proved by one at a time', async () => {
    const two = await Promise.all([
      execIn(sidecar.container, 'snap-volume', 'prove'),
      execIn(sidecar.container, 'snap-volume', 'prove'),
    ])
    expect(two.map(({ exitCode }) => exitCode)).to.have.members([0, 75])
  })

  it(`leaves nothing behind when it is killed (SNAP_VOLUME_TEST_SEED=${seed})`, async function () {
    this.timeout(kills * 30_000)
    const random = randomOf('prove')
    for (let kill = 0; kill < kills; kill += 1) {
      const running = execIn(sidecar.container, 'snap-volume', 'prove')
      await sleep(300 + random() * 5000)
      await killIn(sidecar.container, 'snap-volume prove')
      await running
      succeeded(await execIn(sidecar.container, 'snap-volume', 'clone', 'list'))
      expect(await leftBehind(sidecar)).to.deep.equal([])
    }
    await mariadb.check(server)
  })
})

describeOnEngine('A snapshot of a PostgreSQL server', () => {
  it('is proved by the schedule, by the health check alone', async () => {
    const sidecar = await startSidecar({
      id: 'pg',
      path: postgres.path,
      env: { SNAP_PROVE_CRON: '*/5 * * * * *', SNAP_QUIESCE: 'pause' },
      options: withDockerSocket,
    })
    const server = await startServer(postgres, ['--volumes-from', sidecar.container])
    await postgres.prepare(server)
    await takeSnapshot(sidecar)
    await logLine(sidecar.container, / proved: \S+ on @GMT-\S+, healthy by its health check/)
    const { stdout } = await execIn(sidecar.container, 'curl', '-s', 'localhost:8400/metrics')
    expect(stdout).not.to.match(/last_proof_success 0/)
  })
})

describeOnEngine('A container that says nothing of its health', () => {
  it('proves nothing, and that is said', async () => {
    const sidecar = await startSidecar({ options: withDockerSocket })
    const nobody = await execIn(sidecar.container, 'snap-volume', 'prove')
    expect(nobody.stderr).to.match(/there is no|no snapshot|There are no snapshots/i)
    await takeSnapshot(sidecar, '--allow-empty')
    const none = await execIn(sidecar.container, 'snap-volume', 'prove')
    expect(none.stderr).to.match(
      /no container has the volumes of @GMT-.*start the application once/,
    )
    const consumer = await startConsumer(sidecar)
    const { exitCode, stderr } = await execIn(sidecar.container, 'snap-volume', 'prove')
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/nothing tells whether a copy of \S+ is healthy: give it a HEALTHCHECK/)
    await tryDocker('rm', '-f', consumer)
  })
})
