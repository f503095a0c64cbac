import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { docker, execIn, logsOf, removeContainer, startContainer } from '../support/docker.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { logLine } from './support/eventually.ts'
import { baseImage, describeOnEngine, productImage } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  runAsConsumer,
  runBeside,
  runInVolume,
  snapshotNames,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

const [older, newer] = ['@GMT-2014.11.20-03.00.00', '@GMT-2014.11.21-03.00.00']

/** What the shell-script image of 2014 left: two snapshots that share a file, and its conf. */
const predecessor = `
  mkdir -p snapshot/${older}/data snapshot/${newer}/data
  echo the same > snapshot/${older}/data/same
  ln snapshot/${older}/data/same snapshot/${newer}/data/same
  echo old > snapshot/${older}/data/file
  echo new > snapshot/${newer}/data/file
  echo 'VOLUME_DATA="data:/data"' > snapshot.conf
  echo 'SNAP_MAX=$(touch /opt/.snap/executed; echo 3)' >> snapshot.conf
  mkdir keepsake; echo mine > keepsake/file`

describeOnEngine('a store of the predecessor', () => {
  let sidecar: Sidecar
  let container: string

  before(async () => {
    sidecar = await startSidecar({ fill: 'echo live > file; echo the same > same' })
    await removeContainer(sidecar.container)
    await runInVolume(sidecar.storeVolume, `rm -rf .snap-volume; ${predecessor}`)
    container = await startContainer(productImage, {
      options: ['-v', `${sidecar.dataVolume}:/data`, '-v', `${sidecar.storeVolume}:/opt/.snap`],
      command: ['start', 'data:/data'],
    })
    sidecar = { ...sidecar, container }
    await logLine(container, / started: /)
  })

  it('is adopted by start, which says so', async () => {
    const log = await logsOf(container)
    for (const name of [older, newer]) expect(log).to.contain(`adopted ${name}`)
    expect(snapshotNames(sidecar)).to.deep.equal([older, newer])
    expect(existsSync(join(sidecar.store, 'snapshot'))).to.equal(false)
  })

  it('has its conf read, never executed', () => {
    expect(existsSync(join(sidecar.store, 'executed'))).to.equal(false)
  })

  it('shows the snapshots as adopted', async () => {
    expect(succeeded(await runBeside(sidecar, ['show']))).to.match(
      /@GMT-2014\.11\.20-03\.00\.00 .* adopted/,
    )
  })

  it('keeps what else is there', () => {
    expect(existsSync(join(sidecar.store, 'keepsake/file'))).to.equal(true)
  })

  it('goes on from them: a new snapshot, and a restore of an adopted one', async () => {
    const name = await takeSnapshot(sidecar)
    expect(compareTrees(walkTree(sidecar.data), walkTree(dataIn(sidecar, name)))).to.deep.equal([])
    succeeded(await runBeside(sidecar, ['restore', older]))
    expect(await runAsConsumer(sidecar, 'cat file same')).to.equal('old\nthe same')
  })

  it('is left alone by the next start', async () => {
    const names = snapshotNames(sidecar)
    await docker('restart', container)
    expect((await execIn(container, 'snap-volume', 'show')).exitCode).to.equal(0)
    expect(snapshotNames(sidecar)).to.deep.equal(names)
  })
})

describeOnEngine('a consumer', () => {
  it('keeps its data when it and the sidecar are started anew', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > file' })
    const consumer = await startContainer(baseImage, {
      options: ['--volumes-from', sidecar.container, '--init'],
      command: ['sh', '-c', 'echo started >> /data/log; exec sleep infinity'],
    })
    await takeSnapshot(sidecar)
    await docker('restart', sidecar.container)
    await docker('restart', '--time', '1', consumer)
    const name = await takeSnapshot(sidecar)
    expect((await execIn(consumer, 'cat', '/data/log')).stdout).to.equal('started\nstarted')
    expect(compareTrees(walkTree(sidecar.data), walkTree(dataIn(sidecar, name)))).to.deep.equal([])
  })

  it('still has the data when the sidecar is removed', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > file' })
    const consumer = await startContainer(baseImage, {
      options: ['--volumes-from', sidecar.container, '--init'],
      command: ['sleep', 'infinity'],
    })
    await removeContainer(sidecar.container)
    expect((await execIn(consumer, 'cat', '/data/file')).stdout).to.equal('one')
  })
})
