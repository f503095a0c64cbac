import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import {
  type Finished,
  docker,
  logsOf,
  removeContainer,
  startContainer,
} from '../support/docker.ts'
import {
  nameOf,
  runOnVolumes,
  startConsumer,
  stateOf,
  withDockerSocket,
} from './support/consumers.ts'
import { eventually, logLine } from './support/eventually.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import {
  type Sidecar,
  runBeside,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

/**
 * Says on which data it was started; ends with 9 on bad ones, on `late` after three seconds, and
 * well on `done`.
 */
const pickyProgram = `
  const state = require('node:fs').readFileSync('/data/state', 'utf8').trim()
  console.log('started on ' + state)
  const fail = () => process.exit(9)
  if (state === 'bad') fail()
  if (state === 'done') process.exit(0)
  if (state === 'late') setTimeout(fail, 3000)
  process.on('SIGTERM', () => process.exit(0))
  setInterval(() => undefined, 1000)`

interface Status {
  health: { level: string; findings: { code: string; message: string }[] }
}

describeOnEngine('a restore whose container does not start', () => {
  let sidecar: Sidecar
  let consumer: string
  let name: string
  const snapshots: Record<string, string> = {}

  before(async () => {
    sidecar = await startSidecar({ options: withDockerSocket, fill: 'echo good > state' })
    consumer = await startConsumer(sidecar, {
      command: ['node', '-e', pickyProgram],
      // how long a stop that was asked for is waited for
      options: ['--stop-timeout', '2'],
    })
    await logLine(consumer, /started on good/)
    name = await nameOf(consumer)
    for (const state of ['bad', 'late', 'done', 'good']) {
      await writeFile(join(sidecar.data, 'state'), `${state}\n`)
      snapshots[state] = await takeSnapshot(sidecar)
    }
    // the daemon tries those who do not come back every 30 s
    await docker('kill', sidecar.container)
  })

  const restore = async (...words: string[]): Promise<Finished> =>
    runBeside(sidecar, ['restore', ...words])

  const stateOfData = (): string => readFileSync(join(sidecar.data, 'state'), 'utf8').trim()

  /** On which data it was started so far. */
  async function starts(): Promise<string[]> {
    const log = await logsOf(consumer)
    return [...log.matchAll(/started on (\w+)/g)].map(([, state = '']) => state)
  }

  async function findings(): Promise<string[]> {
    const { health } = JSON.parse(
      succeeded(await runBeside(sidecar, ['status', '--json'])),
    ) as Status
    const ours = health.findings.filter(({ message }) => message.includes(name))
    return ours.map(({ code }) => `${health.level} ${code}`)
  }

  async function restoreBad(): Promise<void> {
    const { exitCode, stderr } = await restore(snapshots['bad'] ?? '')
    expect(exitCode, stderr).to.equal(3)
    expect(await stateOf(consumer)).to.equal('exited')
    expect(stderr.trim().split('\n').at(-1)).to.contain(`container ${name} is still stopped`)
  }

  async function expectRunsOnGood({ exitCode, stdout, stderr }: Finished): Promise<void> {
    expect(exitCode, stdout + stderr).to.equal(0)
    expect([await stateOf(consumer), stateOfData()]).to.deep.equal(['running', 'good'])
  }

  it('is told of in the last line and in the exit code', restoreBad)

  it('makes status critical, which starts nobody', async () => {
    const before = await starts()
    expect(await findings()).to.deep.equal(['critical consumer-not-resumed'])
    expect(await starts()).to.deep.equal(before)
  })

  it('is undone without a start on the bad data, and then the container runs', async () => {
    const before = await starts()
    await expectRunsOnGood(await restore('--undo'))
    expect(await starts()).to.deep.equal([...before, 'good'])
    expect(await findings()).to.deep.equal([])
  })

  it('is followed by another restore, also after several of them, and then the container runs', async () => {
    await restoreBad()
    await restoreBad()
    const before = await starts()
    await expectRunsOnGood(await restore(snapshots['good'] ?? ''))
    expect(await starts()).to.deep.equal([...before, 'good'])
  })

  it('makes status critical, too, when it ends after the restore has', async () => {
    const { exitCode } = await restore(snapshots['late'] ?? '')
    expect(exitCode).to.equal(0)
    await docker('wait', consumer)
    expect(await findings()).to.deep.equal(['critical consumer-failed'])
    await expectRunsOnGood(await restore('--undo'))
  })

  it('is followed by another restore where it ended well, and then the container runs', async () => {
    const { exitCode } = await restore(snapshots['done'] ?? '')
    expect([exitCode, await stateOf(consumer)]).to.deep.equal([3, 'exited'])
    await expectRunsOnGood(await restore(snapshots['good'] ?? ''))
  })

  it('is undone with a start of who was stopped by hand since', async () => {
    succeeded(await restore(snapshots['late'] ?? ''))
    await docker('stop', consumer)
    await expectRunsOnGood(await restore('--undo'))
  })

  it('tells whom to start where there is no Docker API any more', async () => {
    await restoreBad()
    const { exitCode, stderr } = await runOnVolumes({ ...sidecar, options: [] }, [
      'restore',
      '--undo',
    ])
    expect(exitCode, stderr).to.equal(3)
    expect(stderr.trim().split('\n').at(-1)).to.contain(`docker start ${name}`)
    await expectRunsOnGood(await restore(snapshots['good'] ?? ''))

    await docker('stop', consumer)
    const again = await runOnVolumes({ ...sidecar, options: [] }, [
      'restore',
      snapshots['good'] ?? '',
    ])
    expect(again.exitCode, again.stderr).to.equal(3)
    expect(again.stderr.trim().split('\n').at(-1)).to.contain(`docker start ${name}`)
    await docker('start', consumer)
  })

  const journal = (file: string): string => join(sidecar.store, '.snap-volume/journal', file)
  const read = (file: string): string =>
    existsSync(journal(file)) ? readFileSync(journal(file), 'utf8') : ''
  const isUnderWay = (): boolean => read('restore.json').includes('"finishedAt": null')
  const steps: Record<string, (before: string) => boolean> = {
    'after the stop': () => read('consumers.json').includes('settledBy'),
    'in the restore': isUnderWay,
    'before the start': (before) => read('restore.json') !== before && !isUnderWay(),
  }
  for (const [title, isReached] of Object.entries(steps)) {
    it(`is mended by the next one when that is killed ${title}`, async () => {
      const before = read('restore.json')
      await writeFile(join(sidecar.data, 'state'), 'bad\n')
      const command = await startContainer(productImage, {
        options: ['--volumes-from', sidecar.container, ...sidecar.options],
        command: ['restore', snapshots['good'] ?? '', '--checksum'],
      })
      const pid = Number(await docker('inspect', '--format', '{{.State.Pid}}', command))
      const ended = docker('wait', command)
      const over = new AbortController()
      void ended.then(() => over.abort())
      while (!isReached(before) && !over.signal.aborted) await sleep(1)
      if (!over.signal.aborted) process.kill(pid, 'SIGKILL')
      await ended
      await removeContainer(command)
      await expectRunsOnGood(await restore(snapshots['good'] ?? ''))
    })
  }

  it('leaves no journal behind when all are well again', async () => {
    await eventually('no journal', () => !existsSync(journal('consumers.json')) || undefined)
  })
})
