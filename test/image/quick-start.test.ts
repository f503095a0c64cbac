import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { docker, execIn } from '../support/docker.ts'
import { eventually, logLine } from './support/eventually.ts'
import { describeOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  runAsConsumer,
  runBeside,
  snapshotNames,
  snapshotsByDaemon,
  startSidecar,
  succeeded,
} from './support/sidecar.ts'

describeOnEngine('the quick start of the README', () => {
  let sidecar: Sidecar

  before(async () => {
    sidecar = await startSidecar({
      env: { SNAP_MAX: '2', SNAP_CRON: '* * * * * *' },
      fill: 'echo hello > hello.txt',
    })
  })

  it('gives the data to a consumer with --volumes-from', async () => {
    expect(await runAsConsumer(sidecar, 'cat hello.txt')).to.equal('hello')
  })

  it('says in its log when the next run is due', async () => {
    const line = await logLine(sidecar.container, / started: /)
    expect(line).to.contain('* * * * * * (GMT)')
    expect(line).to.match(/next run \d{4}-\d{2}-\d{2}T[\d:.]+Z/)
  })

  it('takes snapshots on schedule, in directories that anyone can read', async () => {
    await eventually('a second snapshot', async () => (await snapshotsByDaemon(sidecar))[1])
    const listed = await execIn(
      sidecar.container,
      'sh',
      '-c',
      'cat /opt/.snap/@GMT-*/data/hello.txt',
    )
    expect(listed.stdout).to.match(/^hello(\nhello)*$/)
  })

  it('keeps SNAP_MAX of them, the newest ones', async () => {
    await logLine(sidecar.container, /removed @GMT-/)
    await docker('stop', sidecar.container)
    const names = snapshotNames(sidecar)
    const taken = await snapshotsByDaemon(sidecar)
    expect(taken.length).to.be.greaterThan(2)
    expect(names).to.have.length(2)
    expect(names).to.include(taken.at(-1))
  })

  it('names them by the time in GMT', () => {
    for (const name of snapshotNames(sidecar)) {
      const [, date, time] = /^@GMT-([\d.]+)-([\d.]+)$/.exec(name) ?? []
      const taken = Date.parse(`${date?.replaceAll('.', '-')}T${time?.replaceAll('.', ':')}Z`)
      expect(Math.abs(Date.now() - taken)).to.be.lessThan(60_000)
    }
  })

  it('shares what did not change between them', () => {
    const inodes = snapshotNames(sidecar).map(
      (name) => lstatSync(join(dataIn(sidecar, name), 'hello.txt')).ino,
    )
    expect(new Set(inodes).size).to.equal(1)
  })

  it('lets another container show and restore them while the sidecar is stopped', async () => {
    expect(succeeded(await runBeside(sidecar, ['show']))).to.contain(
      snapshotNames(sidecar).at(-1) ?? 'none',
    )
    await runAsConsumer(sidecar, 'echo broken > hello.txt')
    succeeded(await runBeside(sidecar, ['restore', 'latest']))
    expect(await runAsConsumer(sidecar, 'cat hello.txt')).to.equal('hello')
  })
})
