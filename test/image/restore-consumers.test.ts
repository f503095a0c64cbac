import { expect } from 'chai'
import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finished, docker, execIn } from '../support/docker.ts'
import {
  hasRunFor,
  isCounting,
  nameOf,
  readNumbers,
  runOnVolumes,
  startConsumer,
  stateOf,
  withDockerSocket,
} from './support/consumers.ts'
import { sampleOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  resultOf,
  runBeside,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

/** Fails when it is started on numbers that do not belong together. */
const carefulCounter = `
  const { readFileSync } = require('node:fs')
  const [a, b] = ['a', 'b'].map((name) => Number(readFileSync('/data/' + name, 'utf8')))
  if (a !== b && a !== b + 1) process.exit(9)
  process.on('SIGTERM', () => process.exit(0))
  setInterval(() => undefined, 1000)`

const largeBytes = 300_000_000
const mostRounds = 5

/** Does `work` while somebody starts a container again and again. */
async function whileStarting<T>(container: string, work: () => Promise<T>): Promise<T> {
  const over = new AbortController()
  const starting = (async () => {
    while (!over.signal.aborted) await docker('start', container)
  })()
  try {
    return await work()
  } finally {
    over.abort()
    await starting
  }
}

sampleOnEngine({ tests: 5 }, 'a restore with the Docker API', () => {
  let sidecar: Sidecar
  let counter: string
  let snapshot: string

  before(async () => {
    sidecar = await startSidecar({ options: withDockerSocket, env: { SNAP_QUIESCE: 'pause' } })
    counter = await startConsumer(sidecar)
    await isCounting(sidecar)
    snapshot = await takeSnapshot(sidecar)
  })

  it('stops who uses the data, and starts them again', async () => {
    const { stdout, exitCode } = await runBeside(sidecar, ['restore', snapshot, '--json'])
    expect(exitCode, stdout).to.equal(0)
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; state?: string; phase?: string })
      .flatMap(({ type, state, phase }) =>
        type === 'consumer' ? [state] : phase === 'restore' ? [phase] : [],
      )
    expect(events).to.deep.equal(['stopped', 'restore', 'started'])
    expect(await stateOf(counter)).to.equal('running')
  })

  it('takes its safety snapshot of data that nobody writes', async () => {
    const { stdout } = await runBeside(sidecar, ['restore', snapshot, '--json'])
    const { safety } = resultOf(stdout) as { safety: string }
    const shown = JSON.parse(succeeded(await runBeside(sidecar, ['show', safety, '--json']))) as {
      consistency: string
    }
    expect(shown.consistency).to.equal('stopped')
    const [a, b] = readNumbers(dataIn(sidecar, safety))
    expect([b, b + 1]).to.include(a)
  })

  it('starts nobody who was stopped before', async () => {
    // whoever ends well within five seconds after its start is not taken for stopped
    await hasRunFor(counter, 6)
    await docker('stop', counter)
    succeeded(await runBeside(sidecar, ['restore', snapshot]))
    expect(await stateOf(counter)).to.equal('exited')
    const [a, b] = readNumbers(sidecar.data)
    expect([b, b + 1]).to.include(a)
  })

  for (const state of ['running', 'stopped']) {
    it(`changes nothing when somebody starts one meanwhile that was ${state}`, async () => {
      if (state === 'stopped') await docker('stop', counter)
      else await docker('start', counter)
      let restored: Finished | undefined
      for (let round = 0; restored?.exitCode !== 1 && round < mostRounds; round += 1) {
        // what the safety snapshot is of takes a while to copy
        await writeFile(join(sidecar.data, 'large'), Buffer.alloc(largeBytes, 'x'))
        restored = await whileStarting(counter, () => runBeside(sidecar, ['restore', snapshot]))
        // whoever comes too late for that is told of
        expect(restored.stderr).to.match(/the container \S+ ran meanwhile/)
      }
      expect(restored?.stderr).to.match(/nothing was restored, .* somebody has started it/)
      expect(readdirSync(sidecar.data)).to.include('large')
      expect(await stateOf(counter)).to.equal('running')
      await docker('stop', counter)
      await rm(join(sidecar.data, 'large'))
    })
  }

  it('leaves those alone whose label says so', async () => {
    const web = await startConsumer(sidecar, {
      labels: { 'snap-volume.restore': 'none' },
      command: ['sleep', 'infinity'],
    })
    const startedAt = async () => docker('inspect', '--format', '{{.State.StartedAt}}', web)
    const before = await startedAt()
    succeeded(await runBeside(sidecar, ['restore', snapshot]))
    expect(await startedAt()).to.equal(before)
    await docker('rm', '-f', web)
  })

  it('waits until they are healthy, and says so', async () => {
    const careful = await startConsumer(sidecar, {
      options: [
        '--name',
        `careful-${randomUUID()}`,
        '--health-cmd',
        'test -e /tmp/late || { touch /tmp/late; false; }',
        '--health-interval',
        '1s',
      ],
      command: ['node', '-e', carefulCounter],
    })
    const { stderr, exitCode } = await runBeside(sidecar, ['restore', snapshot])
    const name = await nameOf(careful)
    expect(stderr).to.match(
      new RegExp(
        `container ${name}: stopped[^]*container ${name}: started[^]*container ${name}: healthy`,
      ),
    )
    expect(exitCode).to.equal(0)
    await docker('rm', '-f', careful)
  })

  it('tells of a container that does not stay up afterwards', async () => {
    const frail = await startConsumer(sidecar, {
      options: ['--health-cmd', 'true', '--health-interval', '1s'],
      // comes up once
      command: ['sh', '-c', 'test ! -e /tmp/again && touch /tmp/again && exec sleep infinity'],
    })
    const { exitCode, stderr } = await runBeside(sidecar, ['restore', snapshot])
    expect(exitCode).to.equal(3)
    expect(stderr).to.match(
      /warning: the container \S+ (was started and is not running|is still stopped)/,
    )
    await docker('rm', '-f', frail)
    // whom nobody finds any more nobody has to wake
    succeeded(await runOnVolumes(sidecar, ['show']))
  })

  it('runs the hooks of those who use the data: before they stop, and when they are back', async () => {
    const hooked = await startConsumer(sidecar, {
      labels: {
        'snap-volume.pre-restore': 'echo "$SNAP_HOOK $SNAP_SNAPSHOT" > /tmp/pre',
        'snap-volume.post-restore': 'echo "$SNAP_HOOK $SNAP_RESULT" > /tmp/post',
      },
      command: ['sleep', 'infinity'],
    })
    succeeded(await runBeside(sidecar, ['restore', snapshot]))
    expect((await execIn(hooked, 'cat', '/tmp/pre', '/tmp/post')).stdout).to.equal(
      `pre-restore ${snapshot}\npost-restore success`,
    )
    await docker('rm', '-f', hooked)
  })

  const failing: [onError: string, exitCode: number, result: string][] = [
    ['fail', 1, 'failure'],
    ['continue', 3, 'success'],
  ]
  for (const [onError, wanted, result] of failing) {
    it(`whose hook fails with on-error ${onError} end with ${wanted}, and those after it are told ${result}`, async () => {
      const hooked = await startConsumer(sidecar, {
        labels: {
          'snap-volume.pre-restore': 'exit 7',
          'snap-volume.pre-restore.on-error': onError,
          'snap-volume.post-restore': 'echo "$SNAP_RESULT" > /tmp/post',
        },
        command: ['sleep', 'infinity'],
      })
      const { exitCode, stderr } = await runBeside(sidecar, ['restore', snapshot])
      expect(exitCode, stderr).to.equal(wanted)
      expect(stderr).to.match(/the hook pre-restore of the container \S+ failed \(exit code 7\)/)
      expect((await execIn(hooked, 'cat', '/tmp/post')).stdout).to.equal(result)
      await docker('rm', '-f', hooked)
    })
  }

  it('are paused where their label says so', async () => {
    const paused = await startConsumer(sidecar, {
      labels: { 'snap-volume.restore': 'pause' },
      command: ['sleep', 'infinity'],
    })
    const name = await nameOf(paused)
    const { stderr } = await runBeside(sidecar, ['restore', snapshot])
    expect(stderr).to.match(new RegExp(`${name}: paused[^]*${name}: unpaused`))
    await docker('rm', '-f', paused)
  })
})
