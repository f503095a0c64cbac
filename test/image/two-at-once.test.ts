import { expect } from 'chai'
import { docker, execIn, runContainer, startContainer, waitForExit } from '../support/docker.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { logLine } from './support/eventually.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  runBeside,
  snapshotNames,
  snapshotsByDaemon,
  startAnew,
  startSidecar,
} from './support/sidecar.ts'
import { bigTree, copyUnderWay } from './support/slow-run.ts'

function expectAllComplete(sidecar: Sidecar): void {
  const source = walkTree(sidecar.data)
  for (const name of snapshotNames(sidecar)) {
    expect(compareTrees(source, walkTree(dataIn(sidecar, name))), name).to.deep.equal([])
  }
}

describeOnEngine('containers that snapshot one store at once', () => {
  // exit code 3: several in one second are named ahead of the clock, which is told of
  it('take turns, and each publishes a complete snapshot', async () => {
    const sidecar = await startSidecar({ fill: 'mkdir a b; seq 1000 > a/file; seq 2000 > b/file' })
    const runs = [1, 2, 3, 4].map(() => runBeside(sidecar, ['snapshot']))
    const exitCodes = (await Promise.all(runs)).map(({ exitCode }) => exitCode)
    expect(exitCodes.filter((exitCode) => exitCode !== 0 && exitCode !== 3)).to.deep.equal([])
    expect(snapshotNames(sidecar)).to.have.length(4)
    expectAllComplete(sidecar)
  })
})

describeOnEngine('a store that a long snapshot holds', () => {
  let sidecar: Sidecar
  let first: string

  before(async () => {
    sidecar = await startSidecar({ fill: bigTree })
    first = await startContainer(productImage, {
      options: ['--volumes-from', sidecar.container, '--hostname', 'the-first'],
      command: ['snapshot'],
    })
    await copyUnderWay(sidecar)
    await docker('pause', first)
  })

  it('is busy for another container that does not want to wait, which names the holder', async () => {
    const finished = await runBeside(sidecar, ['snapshot'], { SNAP_LOCK_TIMEOUT: '0' })
    expect(finished.exitCode).to.equal(75)
    const line = finished.stderr.split('\n').at(-1)
    expect(line).to.match(
      /store is busy: "manual snapshot" runs since \S+ in the-first \(pid \d+\)/,
    )
  })

  it('is waited for by one that does, which says so, and both snapshots are complete', async () => {
    const second = await startContainer(productImage, {
      options: ['--volumes-from', sidecar.container],
      command: ['snapshot'],
    })
    await logLine(second, /waiting for the store: "manual snapshot" .* in the-first/)
    await docker('unpause', first)
    expect(await waitForExit(first)).to.equal(0)
    expect(await waitForExit(second)).to.equal(0)
    expect(snapshotNames(sidecar)).to.have.length(2)
    expectAllComplete(sidecar)
  })
})

describeOnEngine('two daemons on one store', () => {
  let sidecar: Sidecar

  before(async () => {
    sidecar = await startSidecar({ fill: 'echo one > file', options: ['--hostname', 'the-first'] })
  })

  it('are one too many: the second ends with exit code 75 and names the first', async () => {
    const { storeVolume, dataVolume } = sidecar
    const { exitCode, stderr } = await runContainer(productImage, {
      options: ['-v', `${dataVolume}:/other`, '-v', `${storeVolume}:/opt/.snap`],
      command: ['start', 'other:/other'],
    })
    expect(exitCode).to.equal(75)
    expect(stderr).to.match(
      /^snap-volume: another daemon already keeps \/opt\/\.snap: .* in the-first/,
    )
    expect(stderr.split('\n')).to.have.length(1)
  })

  it('do no harm to the first: it runs, and the store is configured as it said', async () => {
    const { stdout } = await execIn(sidecar.container, 'snap-volume', 'show', '--json')
    const { config, daemon } = JSON.parse(stdout) as {
      config: { volumes: { id: string }[] }
      daemon: object
    }
    expect(config.volumes.map(({ id }) => id)).to.deep.equal(['data'])
    expect(daemon).to.include({ running: true })
  })

  it('may follow one another: a second can start when the first has stopped', async () => {
    const second = await startAnew(sidecar, () => ({}))
    expect(await docker('inspect', '--format', '{{.State.Running}}', second.container)).to.equal(
      'true',
    )
  })
})

describeOnEngine('a run that is due while the one before is under way', () => {
  it('is skipped, and the log says so', async () => {
    const sidecar = await startSidecar({ fill: bigTree, env: { SNAP_CRON: '* * * * * *' } })
    await logLine(sidecar.container, /run skipped: the one before is still under way/)
    await logLine(sidecar.container, / snapshot @GMT-/)
    await docker('stop', sidecar.container)
    expect(await snapshotsByDaemon(sidecar)).to.include.members(snapshotNames(sidecar))
    expectAllComplete(sidecar)
  })
})
