import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { docker, execIn, startContainer, waitForExit } from '../support/docker.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { eventually, logLine } from './support/eventually.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  runInVolume,
  snapshotNames,
  snapshotsByDaemon,
  startAnew,
  startSidecar,
  takeSnapshot,
} from './support/sidecar.ts'
import { bigTree, copyUnderWay, dueIn } from './support/slow-run.ts'

async function exitCodeOf(container: string): Promise<number> {
  return Number(await docker('inspect', '--format', '{{.State.ExitCode}}', container))
}

async function elapsedMs(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return Math.round(performance.now() - begun)
}

/** Processes on this machine that belong to a container. */
function processesOf(container: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(container)
    } catch {
      return false
    }
  })
}

function expectNothingLeft({ store }: Sidecar): void {
  for (const name of ['staging', 'trash']) {
    expect(readdirSync(join(store, '.snap-volume', name)), name).to.deep.equal([])
  }
}

describeOnEngine('docker stop of an idle sidecar', () => {
  it('takes less than two seconds and ends with exit code 0', async () => {
    const { container } = await startSidecar({ fill: 'echo one > file' })
    const took = await elapsedMs(() => docker('stop', container))
    process.stdout.write(`      docker stop of an idle sidecar: ${took} ms\n`)
    expect(took).to.be.lessThan(2000)
    expect(await exitCodeOf(container)).to.equal(0)
  })
})

const interruptions: [title: string, interrupt: (container: string) => Promise<unknown>][] = [
  ['docker stop', (container) => docker('stop', container)],
  ['docker kill', (container) => docker('kill', container)],
]

describeOnEngine('a sidecar that is ended during a scheduled snapshot of a big tree', () => {
  for (const [title, interrupt] of interruptions) {
    describe(`by ${title}`, () => {
      let sidecar: Sidecar
      let first: string

      before(async () => {
        sidecar = await startSidecar({ fill: 'echo one > file' })
        first = await takeSnapshot(sidecar)
        await runInVolume(sidecar.dataVolume, bigTree)
        sidecar = await startAnew(sidecar, () => ({ SNAP_CRON: dueIn(20) }))
      })

      it('ends well within the timeout', async () => {
        await copyUnderWay(sidecar)
        const took = await elapsedMs(() => interrupt(sidecar.container))
        process.stdout.write(`      ${title} during a snapshot: ${took} ms\n`)
        expect(took).to.be.lessThan(5000)
        expect(await exitCodeOf(sidecar.container)).to.equal(title === 'docker kill' ? 137 : 0)
      })

      it('leaves no process behind', () => {
        expect(processesOf(sidecar.container)).to.deep.equal([])
      })

      it('leaves nothing partial to be seen', () => {
        expect(snapshotNames(sidecar)).to.deep.equal([first])
      })

      it('makes the killed run up by itself when it is started again', async () => {
        await docker('start', sidecar.container)
        await logLine(sidecar.container, /was missed and is made up now/)
        const [name = ''] = await eventually('the snapshot', async () => {
          const names = await snapshotsByDaemon(sidecar)
          return names.length > 0 ? names : undefined
        })
        expect(snapshotNames(sidecar)).to.deep.equal([first, name])
        const differences = compareTrees(walkTree(sidecar.data), walkTree(dataIn(sidecar, name)))
        expect(differences).to.deep.equal([])
      })

      it('has cleaned up what the killed run left', () => {
        expectNothingLeft(sidecar)
      })
    })
  }

  it('makes it up after docker restart', async () => {
    const sidecar = await startAnew(await startSidecar({ fill: bigTree }), () => ({
      SNAP_CRON: dueIn(20),
    }))
    await copyUnderWay(sidecar)
    await docker('restart', sidecar.container)
    await logLine(sidecar.container, /was missed and is made up now/)
    const [name] = await eventually('the snapshot', async () => {
      const names = await snapshotsByDaemon(sidecar)
      return names.length > 0 ? names : undefined
    })
    expect(snapshotNames(sidecar)).to.deep.equal([name])
    await eventually('the deletion of what was begun', () =>
      readdirSync(join(sidecar.store, '.snap-volume/trash')).length === 0 ? true : undefined,
    )
    await docker('stop', sidecar.container)
    expectNothingLeft(sidecar)
  })
})

describeOnEngine('a snapshot by hand that is cut off', () => {
  let sidecar: Sidecar

  before(async () => {
    sidecar = await startSidecar({ fill: bigTree })
  })

  it('ends with exit code 130 and nothing published when it is interrupted', async () => {
    const container = await startContainer(productImage, {
      options: ['--volumes-from', sidecar.container],
      command: ['snapshot'],
    })
    await copyUnderWay(sidecar)
    await docker('kill', '--signal', 'INT', container)
    expect(await waitForExit(container, 5000)).to.equal(130)
    expect(snapshotNames(sidecar)).to.deep.equal([])
  })

  it('leaves no zombie when its process is killed, and the next one is good', async () => {
    const { container } = sidecar
    await docker('exec', '--detach', container, 'snap-volume', 'snapshot')
    await copyUnderWay(sidecar)
    await execIn(container, 'sh', '-c', killSnapshots)
    const name = await takeSnapshot(sidecar)
    expect(snapshotNames(sidecar)).to.deep.equal([name])
    expect(compareTrees(walkTree(sidecar.data), walkTree(dataIn(sidecar, name)))).to.deep.equal([])
    expect((await execIn(container, 'sh', '-c', listZombies)).stdout).to.equal('')
    expectNothingLeft(sidecar)
  })
})

const killSnapshots = String.raw`
  for process in /proc/[0-9]*; do
    tr '\0' ' ' < $process/cmdline | grep -q 'snap-volume snapshot $' && kill -KILL \${process#/proc/}
  done`.replaceAll(String.raw`\${`, '${')

const listZombies = `grep -hs '^State:.Z' /proc/[0-9]*/status || true`
