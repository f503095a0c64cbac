import { expect } from 'chai'
import {
  type Finished,
  docker,
  execIn,
  runContainer,
  startContainer,
  waitForHealthy,
} from '../support/docker.ts'
import { nameOf, runOnVolumes, startConsumer, withDockerSocket } from './support/consumers.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import {
  type Sidecar,
  resultOf,
  runBeside,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

const rows = 'SELECT GROUP_CONCAT(name ORDER BY id) FROM shop.customers'
const ownCapabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD', 'SETFCAP']

interface Plan {
  writers: {
    containers: { name: string; action: string }[]
    unknown?: string
    files?: { open: number; unknown: number }
  }
}

/** The plan of a restore in a container with these capabilities and no others. */
async function planWith({ container }: Sidecar, capabilities: readonly string[]): Promise<Plan> {
  const added = capabilities.flatMap((one) => ['--cap-add', one])
  const { stdout } = await runContainer(productImage, {
    options: ['--volumes-from', container, '--cap-drop', 'ALL', ...added],
    command: ['restore', 'latest', '--dry-run', '--json'],
  })
  return resultOf(stdout) as Plan
}

describeOnEngine('a MariaDB that runs on the data, without the Docker API', () => {
  let sidecar: Sidecar
  let server: string
  let snapshot: string

  const query = async (sql: string): Promise<string> =>
    succeeded(await execIn(server, 'mariadb', '--batch', '--skip-column-names', '-e', sql))

  const restore = async (...words: string[]): Promise<Finished> =>
    runBeside(sidecar, ['restore', snapshot, ...words])

  before(async () => {
    sidecar = await startSidecar({ id: 'mysql', path: '/var/lib/mysql' })
    server = await startContainer('snap-volume-test/mariadb', {
      options: ['--volumes-from', sidecar.container, '-e', 'MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1'],
    })
    await waitForHealthy(server)
    await query(
      `CREATE DATABASE shop;
       CREATE TABLE shop.customers (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100)) ENGINE=InnoDB;
       INSERT INTO shop.customers (name) VALUES ('Ada'), ('Grace');`,
    )
    await docker('stop', server)
    snapshot = await takeSnapshot(sidecar)
    await docker('start', server)
    await waitForHealthy(server)
    await query(`INSERT INTO shop.customers (name) VALUES ('Edsger')`)
  })

  for (const state of ['running', 'paused']) {
    it(`keeps a restore from beginning, and goes on (${state})`, async () => {
      if (state === 'paused') await docker('pause', server)
      const { exitCode, stderr } = await restore()
      if (state === 'paused') await docker('unpause', server)
      expect(exitCode, stderr).to.equal(1)
      expect(stderr).to.match(
        /nobody can know who writes the data meanwhile: there is no Docker API/,
      )
      expect(stderr).to.match(/nothing was restored, because \d+ of the \d+ files .* \(mysql\//)
      expect(await query(rows)).to.equal('Ada,Grace,Edsger')
    })
  }

  it('is told of by --dry-run, which changes nothing', async () => {
    const output = succeeded(await restore('--dry-run'))
    expect(output).to.match(/^nobody can know who writes the data meanwhile: /m)
    expect(output).to.match(/^\d+ of \d+ files that were asked are open .*--force$/m)
  })

  it('is seen by a container with few capabilities, of which LEASE is one', async () => {
    const { writers } = await planWith(sidecar, [...ownCapabilities, 'LEASE'])
    expect(writers.files?.unknown).to.equal(0)
    expect(writers.files?.open).to.be.greaterThan(0)
  })

  it('has the rows of the snapshot when it is stopped for the restore', async () => {
    await docker('stop', server)
    const { exitCode, stderr } = await restore()
    expect(exitCode, stderr).to.equal(0)
    await docker('start', server)
    await waitForHealthy(server)
    expect(await query(rows)).to.equal('Ada,Grace')
  })

  it('does not stand in the way of --force, which ends with exit code 3', async () => {
    await query(`INSERT INTO shop.customers (name) VALUES ('Barbara')`)
    const { exitCode, stderr } = await restore('--force')
    expect(exitCode, stderr).to.equal(3)
    expect(stderr).to.match(/warning: \d+ files were open while they were restored/)
  })
})

describeOnEngine('the plan of a restore', () => {
  let sidecar: Sidecar
  const dryRun = ['restore', 'latest', '--dry-run', '--json']

  before(async () => {
    sidecar = await startSidecar({ options: withDockerSocket, fill: 'echo one > one' })
    await takeSnapshot(sidecar)
  })

  it('says with the Docker API who is stopped, and who is not', async () => {
    const idle = { command: ['sleep', 'infinity'] }
    const db = await nameOf(await startConsumer(sidecar, idle))
    const labels = { 'snap-volume.restore': 'none' }
    const web = await nameOf(await startConsumer(sidecar, { ...idle, labels }))
    const { writers } = resultOf((await runBeside(sidecar, dryRun)).stdout) as Plan
    const actions = Object.fromEntries(writers.containers.map(({ name, action }) => [name, action]))
    expect(actions).to.deep.equal({ [db]: 'stop', [web]: 'none' })
    expect(writers).not.to.have.any.keys('unknown', 'files')
  })

  it('says without it that the sidecar has it', async () => {
    const { stdout } = await runOnVolumes({ ...sidecar, options: [] }, dryRun)
    const { writers } = resultOf(stdout) as Plan
    expect(writers.unknown).to.match(
      /there is no Docker API .* the sidecar of this store can reach the Docker API/,
    )
  })
})
