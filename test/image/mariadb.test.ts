import { expect } from 'chai'
import { docker, execIn, startContainer, waitForHealthy } from '../support/docker.ts'
import { eventually } from './support/eventually.ts'
import { describeOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  runBeside,
  snapshotsByDaemon,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

const image = 'snap-volume-test/mariadb'
const rows = 'SELECT GROUP_CONCAT(name ORDER BY id) FROM shop.customers'

async function startServer({ container }: Sidecar): Promise<string> {
  const server = await startContainer(image, {
    options: ['--volumes-from', container, '-e', 'MARIADB_ALLOW_EMPTY_ROOT_PASSWORD=1'],
  })
  await waitForHealthy(server)
  return server
}

async function startAgain(server: string): Promise<void> {
  await docker('start', server)
  await waitForHealthy(server)
}

async function query(server: string, sql: string): Promise<string> {
  return succeeded(await execIn(server, 'mariadb', '--batch', '--skip-column-names', '-e', sql))
}

async function makeCustomers(server: string): Promise<void> {
  await query(
    server,
    `CREATE DATABASE shop;
     CREATE TABLE shop.customers (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100)) ENGINE=InnoDB;
     INSERT INTO shop.customers (name) VALUES ('Ada'), ('Grace'), ('Edsger');`,
  )
}

describeOnEngine('a MariaDB server whose data the sidecar owns', () => {
  let sidecar: Sidecar
  let server: string
  let snapshot: string

  before(async () => {
    sidecar = await startSidecar({ id: 'mysql', path: '/var/lib/mysql' })
    server = await startServer(sidecar)
    await makeCustomers(server)
  })

  it('is snapshotted by docker exec while it runs', async () => {
    snapshot = await takeSnapshot(sidecar, '-m', 'before the upgrade')
    expect(succeeded(await runBeside(sidecar, ['show']))).to.contain('before the upgrade')
  })

  it('has its rows back after a restore from a second container', async () => {
    await query(server, 'DROP TABLE shop.customers')
    await docker('stop', server)
    const output = succeeded(await runBeside(sidecar, ['restore', snapshot]))
    expect(output).to.contain(`mysql: /var/lib/mysql is as it was in ${snapshot}`)
    await startAgain(server)
    expect(await query(server, rows)).to.equal('Ada,Grace,Edsger')
  })

  it('finds the restored table in order', async () => {
    expect(await query(server, 'CHECK TABLE shop.customers EXTENDED')).to.match(/status\tOK$/)
  })

  it('goes on writing to the restored table', async () => {
    await query(server, `INSERT INTO shop.customers (name) VALUES ('Barbara')`)
    expect(await query(server, rows)).to.equal('Ada,Grace,Edsger,Barbara')
  })

  it('is without the table again after restore --undo', async () => {
    await docker('stop', server)
    succeeded(await runBeside(sidecar, ['restore', '--undo']))
    await startAgain(server)
    expect(await query(server, 'SHOW TABLES FROM shop')).to.equal('')
  })
})

describeOnEngine('a MariaDB server that is snapshotted on a schedule', () => {
  it('is broken and brought back from a snapshot that the daemon took', async () => {
    const sidecar = await startSidecar({
      id: 'mysql',
      path: '/var/lib/mysql',
      env: { SNAP_CRON: '*/2 * * * * *', SNAP_MAX: '1000' },
    })
    const server = await startServer(sidecar)
    await makeCustomers(server)
    const complete = await snapshotBegunFromNow(sidecar)
    await query(server, 'DROP DATABASE shop')
    await docker('stop', server)
    await docker('stop', sidecar.container)
    succeeded(await runBeside(sidecar, ['restore', complete]))
    await startAgain(server)
    expect(await query(server, rows)).to.equal('Ada,Grace,Edsger')
    expect(await query(server, 'CHECK TABLE shop.customers EXTENDED')).to.match(/status\tOK$/)
  })
})

/** Waits for a run that the schedule begins after this second, and gives its name. */
async function snapshotBegunFromNow(sidecar: Sidecar): Promise<string> {
  const [date, time] = new Date().toISOString().slice(0, 19).split('T')
  const now = `@GMT-${date?.replaceAll('-', '.')}-${time?.replaceAll(':', '.')}`
  return eventually('a scheduled snapshot', async () =>
    (await snapshotsByDaemon(sidecar)).find((name) => name > now),
  )
}
