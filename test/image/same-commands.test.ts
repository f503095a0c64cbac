import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { howOften, sample } from '../support/sample.ts'
import { type Finished, docker, execIn, runContainer, testLabel } from '../support/docker.ts'
import { describeOnEngine, productImage, sampleOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  type SidecarOptions,
  dataIn,
  resultOf,
  runAsConsumer,
  runBeside,
  snapshotNames,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

type Run = (sidecar: Sidecar, ...words: string[]) => Promise<Finished>

const byExec: Run = ({ container }, ...words) => execIn(container, 'snap-volume', ...words)
const beside: Run = (sidecar, ...words) => runBeside(sidecar, words)
const withMounts: Run = ({ dataVolume, storeVolume, path }, ...words) =>
  runContainer(productImage, {
    options: ['-v', `${dataVolume}:${path}`, '-v', `${storeVolume}:/opt/.snap`],
    command: words,
  })

const token = 'a-token-of-these-tests'

/** In a container that has no volume of the sidecar. */
const fromElsewhere =
  (optionsFor: (sidecar: Sidecar) => string[]): Run =>
  (sidecar, ...words) =>
    runContainer(productImage, {
      options: [...optionsFor(sidecar), '-e', `SNAP_TOKEN=${token}`],
      command: words,
    })
const linked = fromElsewhere(({ container }) => ['--link', `${container}:snap-volume`])
const byAlias = fromElsewhere(() => ['--network', network])
const byName = fromElsewhere(() => ['--network', network, '-e', 'SNAP_HOST=the-sidecar'])
const bySocket: Run = ({ storeVolume }, ...words) => {
  const socket = 'unix:///store/.snap-volume/control.sock'
  const mount = ['-v', `${storeVolume}:/store`, '--network', 'none']
  const options = mount.concat('-e', `SNAP_HOST=${socket}`)
  return runContainer(productImage, { options, command: words })
}

const ways: [title: string, run: Run][] = [
  ['docker exec', byExec],
  ['a second container with --volumes-from', beside],
  ['a container with just the two -v mounts', withMounts],
  ['a container with only the store, through its socket', bySocket],
  ['a container with only --link', linked],
  ['a container on the same network, by the alias snap-volume', byAlias],
  ['a container on the same network, by SNAP_HOST', byName],
]

/**
 * Two of the ways besides `docker exec`, others with every seed; all of them where all is tried.
 */
function someWays(name: string): Run[] {
  return sample(ways.slice(1), howOften(ways.length, 2), name).map(([, run]) => run)
}

let network: string

/** A sidecar that all ways lead to. */
async function startReachable(options: SidecarOptions): Promise<Sidecar> {
  const sidecar = await startSidecar({ ...options, env: { ...options.env, SNAP_TOKEN: token } })
  network = await docker(
    'network',
    'create',
    '--label',
    testLabel,
    `snap-volume-test-${randomUUID()}`,
  )
  const names = ['--alias', 'snap-volume', '--alias', 'the-sidecar']
  await docker('network', 'connect', ...names, network, sidecar.container)
  return sidecar
}

sampleOnEngine({ tests: 7 }, 'the commands that only read', () => {
  let sidecar: Sidecar

  before(async () => {
    sidecar = await startReachable({ env: { SNAP_MAX: '2' }, fill: 'echo one > file' })
    await takeSnapshot(sidecar, '-m', 'the first', '--label', 'ticket=4711')
    await takeSnapshot(sidecar, '--pin')
    await takeSnapshot(sidecar)
    await runAsConsumer(sidecar, 'echo two > file; echo new > another')
  })

  const commands = [
    ['show'],
    ['show', '-a'],
    ['show', 'latest'],
    ['restore', 'latest', '--dry-run'],
    ['prune', '--dry-run'],
    ['status', '--check'],
    ['samba-config'],
    ['doctor'],
    ['help'],
    ['show', '--help'],
  ]
  for (const words of commands.flatMap((words) => [words, [...words, '--json']])) {
    it(`say the same whichever way they are reached: ${words.join(' ')}`, async () => {
      const first = withoutAges(succeeded(await byExec(sidecar, ...words)))
      expect(first).not.to.equal('')
      for (const run of someWays(words.join(' '))) {
        expect(withoutAges(succeeded(await run(sidecar, ...words)))).to.equal(first)
      }
      if (words.includes('--json') && !words.includes('--help')) resultOf(first)
    })
  }

  const refusals: [words: string[], error: RegExp][] = [
    [['restore', 'latest~9'], /^snap-volume: there is no latest~9/],
    [['subvolume', 'data', '--dry-run'], /^snap-volume: volume data is left as it is: /],
  ]
  for (const [words, error] of refusals) {
    it(`refuse the same whichever way they are reached: ${words.join(' ')}`, async () => {
      const results = []
      // one after the other: side by side they would wait for the lock, and say so
      for (const [, run] of ways) results.push(await run(sidecar, ...words))
      for (const { exitCode, stdout, stderr } of results) {
        expect({ exitCode, stdout }).to.deep.equal({ exitCode: 1, stdout: '' })
        expect(stderr).to.equal(results[0]?.stderr).and.match(error)
      }
    })
  }

  it('say where the volumes land, when the next run is due, and what retention keeps', async () => {
    const output = succeeded(await beside(sidecar, 'show', '-a'))
    expect(output).to.contain('/data -> /opt/.snap/@GMT-')
    expect(output).to.contain('0 0 29 2 * (GMT)')
    expect(output).to.match(/next run +\d{4}-02-29T00:00:00/)
    expect(output).to.match(/retention +the newest 2/)
  })
})

/** Ages, and what is left until retention lets go of a snapshot, move on between two commands. */
function withoutAges(output: string): string {
  return output
    .replaceAll(/^(@GMT-\S+) +\S+/gm, '$1')
    .replaceAll(/~\S+/g, '~')
    .replaceAll(/\((in )?[\d.]+\w+( ago)?\)/g, '()')
    .replaceAll(/("free\w+":)\d+/g, '$10')
    .replaceAll(/[\d.]+ % free( \([\d.]+ \w+\))?/g, '')
    .replaceAll(/[\d.:T-]+Z, after/g, '')
    .replaceAll(/ +/g, ' ')
}

describeOnEngine('the commands that change something', () => {
  for (const [title, run] of sample(ways, howOften(ways.length, 3), 'changes')) {
    describe(`by ${title}`, () => {
      let sidecar: Sidecar

      before(async () => {
        sidecar = await startReachable({ env: { SNAP_MAX: '3' }, fill: 'echo one > file' })
      })

      it('take a snapshot with comment, pin and label', async () => {
        const words = ['snapshot', '-m', 'the first', '--pin', '--label', 'ticket=4711']
        const output = succeeded(await run(sidecar, ...words, '--json'))
        const [name = ''] = snapshotNames(sidecar)
        expect(resultOf(output))
          .to.have.property('snapshot')
          .that.deep.includes({
            name,
            kind: 'manual',
            comment: 'the first',
            pinned: true,
            labels: { ticket: '4711' },
          })
        expect(readFileSync(join(dataIn(sidecar, name), 'file'), 'utf8')).to.equal('one\n')
      })

      it('restore it, and go back', async () => {
        await runAsConsumer(sidecar, 'echo two > file')
        const finished = await run(sidecar, 'restore', 'latest', '--json')
        expect(resultOf(succeeded(finished))).to.include({ type: 'result', dryRun: false })
        expect(await runAsConsumer(sidecar, 'cat file')).to.equal('one')
        succeeded(await run(sidecar, 'restore', '--undo'))
        expect(await runAsConsumer(sidecar, 'cat file')).to.equal('two')
      })

      it('prune to the SNAP_MAX of the last start, and never what is pinned', async () => {
        const pinned = snapshotNames(sidecar)[0]
        for (let count = 0; count < 4; count += 1) await takeSnapshot(sidecar)
        const output = succeeded(await run(sidecar, 'prune', '--json'))
        const { plan } = resultOf(output) as { plan: { name: string; keep: boolean }[] }
        const kept = plan.filter(({ keep }) => keep).map(({ name }) => name)
        expect(kept).to.deep.equal(snapshotNames(sidecar)).and.to.include(pinned)
      })
    })
  }

  it('are refused without the token, and where nothing is linked', async () => {
    const sidecar = await startReachable({ fill: 'echo one > file' })
    const link = ['--link', `${sidecar.container}:snap-volume`]
    const without = await runContainer(productImage, { options: link, command: ['show'] })
    expect(without.exitCode).to.equal(1)
    expect(without.stderr).to.match(/^snap-volume: the daemon at \S+ wants a token: set SNAP_TOKEN/)
    const alone = await runContainer(productImage, { command: ['show'] })
    expect(alone.exitCode).to.equal(1)
    expect(alone.stderr).to.match(/^snap-volume: there is no store at \/opt\/\.snap: .*--link/)
  })

  it('take another SNAP_MAX from the environment of the container they run in', async () => {
    const sidecar = await startSidecar({ env: { SNAP_MAX: '9' }, fill: 'echo one > file' })
    for (let count = 0; count < 3; count += 1) await takeSnapshot(sidecar)
    succeeded(await runBeside(sidecar, ['prune', '--yes'], { SNAP_MAX: '1' }))
    expect(snapshotNames(sidecar)).to.have.length(1)
  })

  it('refuse to restore into data that are mounted read-only, and snapshot them all the same', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > file' })
    const { dataVolume, storeVolume } = sidecar
    const options = ['-v', `${dataVolume}:/data:ro`, '-v', `${storeVolume}:/opt/.snap`]
    succeeded(await runContainer(productImage, { options, command: ['snapshot'] }))
    const { exitCode, stderr } = await runContainer(productImage, {
      options,
      command: ['restore', 'latest'],
    })
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(
      /^snap-volume: volume data cannot be restored: \/data is mounted read-only/,
    )
    expect(snapshotNames(sidecar)).to.have.length(1)
  })
})
