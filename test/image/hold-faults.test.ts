import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { removeContainer, runContainer, docker, execIn, startContainer } from '../support/docker.ts'
import type { SnapshotRecord } from '../../src/store/record.ts'
import {
  type ConsumerOptions,
  nameOf,
  runOnVolumes,
  startConsumer,
  stateOf,
  withDockerSocket,
} from './support/consumers.ts'
import { eventually } from './support/eventually.ts'
import { describeOnEngine, productImage, sampleOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  resultOf,
  runBeside,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

/** Ends some time after it was told to. */
const slow = (seconds: number): string[] => [
  'sh',
  '-c',
  `trap 'sleep ${seconds}; exit 0' TERM; while :; do sleep 0.1; done`,
]
const quiet = ['sleep', 'infinity']

interface Taken {
  exitCode: number
  record?: SnapshotRecord
  codes: string[]
  output: string
}

async function snapshot(
  sidecar: Sidecar,
  env: Readonly<Record<string, string>> = {},
  options: readonly string[] = [],
): Promise<Taken> {
  const finished = await runBeside(
    { ...sidecar, options: [...sidecar.options, ...options] },
    ['snapshot', '--json'],
    env,
  )
  const { snapshot: record } = resultOf(finished.stdout) as { snapshot?: SnapshotRecord }
  return {
    exitCode: finished.exitCode,
    output: finished.stdout + finished.stderr,
    codes: record?.warnings.map(({ code }) => code) ?? [],
    ...(record && { record }),
  }
}

sampleOnEngine({ tests: 5 }, 'a consumer that is hard to hold', () => {
  let sidecar: Sidecar
  const started: string[] = []

  before(async () => {
    sidecar = await startSidecar({
      options: withDockerSocket,
      fill: 'for file in $(seq 1 100); do echo $file > $file; done',
    })
    await takeSnapshot(sidecar)
  })

  afterEach(async () => {
    for (const consumer of started.splice(0)) await removeContainer(consumer)
    // whom nobody finds any more nobody has to wake
    succeeded(await runOnVolumes(sidecar, ['show']))
  })

  async function start(options: ConsumerOptions): Promise<string> {
    const consumer = await startConsumer(sidecar, options)
    started.push(consumer)
    return consumer
  }

  const journal = (): string => join(sidecar.store, '.snap-volume/journal/consumers.json')

  const stopIsAskedFor = async (): Promise<true> =>
    eventually('a stop that was asked for', () => {
      try {
        return readFileSync(journal(), 'utf8').includes('settledBy') ? true : undefined
      } catch {
        return undefined
      }
    })

  it('because it takes time to stop runs again after a kill meanwhile', async () => {
    const consumer = await start({ command: slow(4), options: ['--stop-timeout', '8'] })
    const command = await startContainer(productImage, {
      options: [
        '--volumes-from',
        sidecar.container,
        ...withDockerSocket,
        '-e',
        'SNAP_QUIESCE=stop',
      ],
      command: ['snapshot'],
    })
    await stopIsAskedFor()
    await sleep(500)
    await removeContainer(command)
    const shown = await runOnVolumes(sidecar, ['show'])
    succeeded(shown)
    expect(shown.stderr).to.contain(`container ${await nameOf(consumer)}: started`)
    await sleep(5000)
    expect(await stateOf(consumer)).to.equal('running')
  })

  it('because it would be gone (--rm) is left alone, and keeps a restore away', async () => {
    const consumer = await start({ command: quiet, options: ['--rm'] })
    const { exitCode, record, output } = await snapshot(sidecar, { SNAP_QUIESCE: 'stop' })
    expect([exitCode, record?.consistency]).to.deep.equal([3, 'live'])
    expect(output).to.contain('it would be gone, because it was started with --rm')
    const restored = await runBeside(sidecar, ['restore', 'latest'])
    expect(restored.exitCode).to.equal(1)
    expect(restored.stderr).to.contain('nothing was restored')
    expect(await stateOf(consumer)).to.equal('running')
  })

  it('because it is started again and again is stopped for a restore', async () => {
    const consumer = await start({
      command: ['sh', '-c', 'sleep 0.2; exit 1'],
      options: ['--restart', 'always'],
    })
    await eventually('a container that is restarted', async () =>
      (await stateOf(consumer)) === 'restarting' ? true : undefined,
    )
    const { stderr } = await runBeside(sidecar, ['restore', 'latest'])
    const name = await nameOf(consumer)
    expect(stderr).to.match(new RegExp(`container ${name}: stopped[^]*container ${name}: started`))
  })

  it('because it is started again and again keeps a restore away when it has a hook before one', async () => {
    const consumer = await start({
      command: ['sh', '-c', 'sleep 0.2; exit 1'],
      options: ['--restart', 'always'],
      labels: { 'snap-volume.pre-restore': 'exit 1' },
    })
    // its breaks between two tries grow
    await eventually('a container that waits to be started again', async () => {
      const count = await docker('inspect', '--format', '{{.RestartCount}}', consumer)
      return Number(count) > 4 && (await stateOf(consumer)) === 'restarting' ? true : undefined
    })
    const { exitCode, stderr } = await runBeside(sidecar, ['restore', 'latest'])
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/the hook pre-restore of the container \S+ .*nothing was restored/)
    expect(stderr).not.to.match(/: stopped/)
  })

  it('because somebody else has paused it keeps a restore away, and its snapshot is paused', async () => {
    const consumer = await start({ command: quiet })
    await docker('pause', consumer)
    const { stderr, exitCode } = await runBeside(sidecar, ['restore', 'latest'])
    const { record } = await snapshot(sidecar, { SNAP_QUIESCE: 'pause' })
    await docker('unpause', consumer)
    expect(exitCode).to.equal(1)
    expect(stderr).to.contain('somebody else has paused it')
    expect(record?.consistency).to.equal('paused')
  })

  it('because it ends soon after it was started again is told of', async () => {
    const consumer = await start({
      command: [
        'sh',
        '-c',
        'if [ -e /tmp/again ]; then sleep 0.3; exit 1; fi; touch /tmp/again; exec sleep infinity',
      ],
    })
    const { exitCode, codes } = await snapshot(sidecar, { SNAP_QUIESCE: 'stop' })
    expect(exitCode).to.equal(3)
    expect(codes).to.include('consumer-not-resumed')
    expect(await stateOf(consumer)).to.equal('exited')
  })

  it('because it came while a hook ran is held too', async () => {
    const command = snapshot(sidecar, {
      SNAP_QUIESCE: 'pause',
      SNAP_PRE_SNAPSHOT: 'touch /data/hook; sleep 4',
    })
    await eventually('the hook', () => {
      try {
        return readFileSync(join(sidecar.data, 'hook')) && true
      } catch {
        return undefined
      }
    })
    const consumer = await start({ command: quiet })
    const { record } = await command
    expect(record?.consumers?.map(({ name }) => name)).to.deep.equal([await nameOf(consumer)])
    expect(record?.consistency).to.equal('paused')
  })

  it('because it came while others were held makes the record say live', async () => {
    await start({ command: slow(4), options: ['--stop-timeout', '8'] })
    const command = snapshot(sidecar, { SNAP_QUIESCE: 'stop' })
    await stopIsAskedFor()
    const late = await start({ command: quiet })
    const { record, output } = await command
    expect(record?.consistency).to.equal('live')
    expect(output).to.contain(`the container ${await nameOf(late)} ran meanwhile`)
  })

  it('because it was started while others were held makes the record say live', async () => {
    const late = await start({ command: quiet })
    await docker('stop', '-t', '0', late)
    await start({ command: slow(4), options: ['--stop-timeout', '8'] })
    const command = snapshot(sidecar, { SNAP_QUIESCE: 'stop' })
    await stopIsAskedFor()
    await docker('start', late)
    const { record, output } = await command
    expect(record?.consistency).to.equal('live')
    expect(output).to.contain(`the container ${await nameOf(late)} ran meanwhile`)
  })

  it('because its work is done when it was started again is left alone', async () => {
    const consumer = await start({
      command: [
        'sh',
        '-c',
        'echo run >> /data/runs; test $(wc -l < /data/runs) -gt 1 || exec sleep infinity',
      ],
    })
    await eventually('its first run', () => readRuns(sidecar) || undefined)
    const { exitCode, codes } = await snapshot(sidecar, { SNAP_QUIESCE: 'stop' })
    expect([exitCode, codes]).to.deep.equal([3, ['consumer-ended']])
    succeeded(await runOnVolumes(sidecar, ['show']))
    expect([await stateOf(consumer), readRuns(sidecar)]).to.deep.equal(['exited', 2])
  })

  it('because it may take all the time it wants to end is not stopped', async () => {
    const consumer = await start({ command: quiet, options: ['--stop-timeout', '-1'] })
    const { record, output } = await snapshot(sidecar, { SNAP_QUIESCE: 'stop' })
    expect(record?.consistency).to.equal('live')
    expect(output).to.contain('it has all the time it wants to end (--stop-timeout -1)')
    expect(await stateOf(consumer)).to.equal('running')
  })

  it('because the sidecar is in its network is found all the same', async () => {
    const consumer = await start({ command: quiet })
    const { record } = await snapshot(sidecar, { SNAP_QUIESCE: 'pause' }, [
      '--network',
      `container:${consumer}`,
    ])
    expect(record?.consistency).to.equal('paused')
  })

  it('is not hooked when its own hook failed, whatever the sidecar did', async () => {
    await start({
      command: quiet,
      labels: {
        'snap-volume.pre-snapshot': 'exit 7',
        'snap-volume.pre-snapshot.on-error': 'continue',
      },
    })
    const { record } = await snapshot(sidecar, { SNAP_PRE_SNAPSHOT: 'true' })
    expect(record?.consistency).to.equal('live')
  })

  it('is not forgotten because of a journal that nobody can read', async () => {
    await start({ command: quiet })
    writeFileSync(journal(), '{')
    const { codes } = await snapshot(sidecar, { SNAP_QUIESCE: 'pause' })
    expect(codes).to.include('consumer-not-held')
    expect(readFileSync(journal(), 'utf8')).to.equal('{')
    await runContainer(productImage, {
      options: ['-v', `${sidecar.storeVolume}:/opt/.snap`, '--entrypoint', 'rm'],
      command: ['/opt/.snap/.snap-volume/journal/consumers.json'],
    })
  })
})

function readRuns({ data }: Sidecar): number {
  try {
    return readFileSync(join(data, 'runs'), 'utf8').split('\n').length - 1
  } catch {
    return 0
  }
}

describeOnEngine('a consumer that dies while it is paused', () => {
  it('is told of, and the others go on', async () => {
    const sidecar = await startSidecar({
      options: withDockerSocket,
      // many files, for a pause that lasts
      fill: 'seq 1 60000 | xargs touch',
    })
    await takeSnapshot(sidecar)
    const [dying, other] = [
      await startConsumer(sidecar, { command: quiet }),
      await startConsumer(sidecar, { command: quiet }),
    ]
    const command = snapshot(sidecar, { SNAP_QUIESCE: 'pause' })
    await eventually('a paused consumer', async () =>
      (await stateOf(dying)) === 'paused' ? true : undefined,
    )
    await docker('kill', dying)
    const { exitCode, codes } = await command
    expect([exitCode, codes]).to.deep.equal([3, ['consumer-ended']])
    expect(await stateOf(other)).to.equal('running')
  })
})

describeOnEngine('a hook of the sidecar that leaves something behind', () => {
  it('is not waited for', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > one' })
    const began = performance.now()
    const { stdout } = await execIn(
      sidecar.container,
      'env',
      'SNAP_PRE_SNAPSHOT=setsid sleep 60 & echo hello',
      'snap-volume',
      'snapshot',
      '--json',
    )
    expect(stdout).to.contain('hello')
    expect(performance.now() - began).to.be.lessThan(30_000)
  })
})
