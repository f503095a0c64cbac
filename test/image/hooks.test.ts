import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { HookRecord, SnapshotRecord } from '../../src/store/record.ts'
import { type Finished, docker, execIn, removeContainer } from '../support/docker.ts'
import { startConsumer, stateOf, withDockerSocket } from './support/consumers.ts'
import { eventually } from './support/eventually.ts'
import { describeOnEngine, sampleOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  environment,
  resultOf,
  runBeside,
  snapshotNames,
  startSidecar,
  takeSnapshot,
} from './support/sidecar.ts'

const idle = ['sleep', 'infinity']

async function snapshot(
  { container }: Sidecar,
  env: Readonly<Record<string, string>> = {},
): Promise<Finished & { record: SnapshotRecord | undefined }> {
  const finished = await execInWith(container, env)
  const { snapshot: record } = resultOf(finished.stdout) as { snapshot?: SnapshotRecord }
  return { ...finished, record }
}

async function execInWith(
  container: string,
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  return execIn('-i', ...environment(env), container, 'snap-volume', 'snapshot', '--json')
}

function outcomes(record: SnapshotRecord | undefined): string[] {
  return (record?.hooks ?? []).map(({ point, outcome }) => `${point} ${outcome}`)
}

function hookAt(record: SnapshotRecord | undefined, point: string): HookRecord | undefined {
  return record?.hooks?.find((hook) => hook.point === point)
}

sampleOnEngine({ tests: 5 }, 'hooks of a consumer', () => {
  let sidecar: Sidecar
  let consumer: string | undefined

  before(async () => {
    sidecar = await startSidecar({ options: withDockerSocket, fill: 'echo one > one' })
  })

  beforeEach(() => {
    writeFileSync(join(sidecar.data, 'log'), '')
  })

  afterEach(async () => {
    if (consumer !== undefined) await removeContainer(consumer)
    consumer = undefined
  })

  async function withHooks(labels: Readonly<Record<string, string>>): Promise<void> {
    const prefixed = Object.entries(labels).map(([key, value]) => [`snap-volume.${key}`, value])
    consumer = await startConsumer(sidecar, {
      labels: Object.fromEntries(prefixed) as Record<string, string>,
      command: idle,
    })
  }

  const log = (): string => readFileSync(join(sidecar.data, 'log'), 'utf8')

  it('run around a snapshot, in the container, and what the first one writes is in it', async () => {
    await withHooks({
      'pre-snapshot': 'echo "$SNAP_HOOK in $(cat /etc/hostname)" >> /data/log',
      'post-snapshot': 'echo "$SNAP_HOOK $SNAP_RESULT" >> /data/log; echo "$SNAP_SNAPSHOT"',
    })
    const { record, exitCode } = await snapshot(sidecar)
    expect(exitCode).to.equal(0)
    expect(outcomes(record)).to.deep.equal(['pre-snapshot done', 'post-snapshot done'])
    const shown = await execIn(sidecar.container, 'snap-volume', 'show', record?.name ?? '')
    expect(shown.stdout).to.contain(`| ${record?.name}`)
    expect(hookAt(record, 'post-snapshot')?.output).to.equal(`${record?.name}\n`)
    expect(record?.consistency).to.equal('hooked')
    const first = `pre-snapshot in ${(consumer ?? '').slice(0, 12)}\n`
    expect(readFileSync(join(dataIn(sidecar, record?.name ?? ''), 'log'), 'utf8')).to.equal(first)
    expect(log()).to.equal(`${first}post-snapshot success\n`)
  })

  it('run as the user that the label names', async () => {
    await withHooks({
      'pre-snapshot': 'id -un',
      'pre-snapshot.user': 'node',
    })
    const { record } = await snapshot(sidecar)
    expect(hookAt(record, 'pre-snapshot')?.output).to.equal('node\n')
  })

  it('that fail let the snapshot fail, and the others know', async () => {
    await withHooks({
      'pre-snapshot': 'echo no lock to be had >&2; exit 7',
      'post-snapshot': 'echo "$SNAP_RESULT: $SNAP_ERROR" >> /data/log',
    })
    const before = snapshotNames(sidecar)
    const { exitCode, stdout } = await snapshot(sidecar)
    expect(exitCode).to.equal(1)
    expect(stdout).to.match(
      /the hook pre-snapshot of the container \S+ failed \(exit code 7\): no lock to be had; nothing was published/,
    )
    expect(log()).to.match(/^failure: the hook pre-snapshot of the container/)
    expect(snapshotNames(sidecar)).to.deep.equal(before)
  })

  it('that fail and may do so are told of', async () => {
    await withHooks({ 'pre-snapshot': 'exit 7', 'pre-snapshot.on-error': 'continue' })
    const { exitCode, record } = await snapshot(sidecar)
    expect(exitCode).to.equal(3)
    expect(record?.consistency).to.equal('live')
    expect(record?.warnings.map(({ code }) => code)).to.include('hook')
  })

  it('that fail afterwards are told of, and the snapshot is there', async () => {
    await withHooks({ 'post-snapshot': 'exit 7' })
    const { exitCode, record } = await snapshot(sidecar)
    expect(exitCode).to.equal(3)
    expect(snapshotNames(sidecar)).to.include(record?.name)
  })

  it('that hang are ended when their time is over', async () => {
    await withHooks({
      'pre-snapshot': 'echo waiting; exec sleep 1000',
      'pre-snapshot.timeout': '1s',
      'pre-snapshot.on-error': 'continue',
    })
    const { exitCode, record } = await snapshot(sidecar)
    expect(exitCode).to.equal(3)
    expect(hookAt(record, 'pre-snapshot')).to.include({ outcome: 'timeout', output: 'waiting\n' })
    await eventually('an end of sleep', async () =>
      (await docker('top', consumer ?? '')).includes('sleep 1000') ? undefined : true,
    )
  })

  it('that print a megabyte are kept by their last lines', async () => {
    await withHooks({ 'pre-snapshot': 'seq 1 150000; echo the end' })
    const { record } = await snapshot(sidecar)
    const output = hookAt(record, 'pre-snapshot')?.output ?? ''
    expect(output).to.have.length(4096)
    expect(output).to.match(/150000\nthe end\n$/)
  })

  it('do not run in a container that does not run', async () => {
    await withHooks({ 'pre-snapshot': 'echo x >> /data/log' })
    await docker('stop', '-t', '0', consumer ?? '')
    const { record } = await snapshot(sidecar)
    expect(record?.hooks).to.equal(undefined)
    expect(log()).to.equal('')
  })

  it('that stay open hold what they hold until the data are read', async () => {
    await withHooks({
      'pre-snapshot':
        'echo begun >> /data/log; echo ready; cat; echo "ended after $(ls /data/.reading 2>/dev/null)" >> /data/log',
      'pre-snapshot.session': 'true',
      'post-snapshot': 'echo post >> /data/log',
    })
    const { exitCode, record } = await snapshot(sidecar)
    expect(exitCode).to.equal(0)
    expect(record?.consistency).to.equal('hooked')
    expect(readFileSync(join(dataIn(sidecar, record?.name ?? ''), 'log'), 'utf8')).to.equal(
      'begun\n',
    )
    expect(log()).to.equal('begun\nended after \npost\n')
  })

  it('that stay open and end too early let the snapshot fail', async () => {
    await withHooks({
      'pre-snapshot': 'echo ready; exit 0',
      'pre-snapshot.session': 'true',
    })
    writeFileSync(join(sidecar.data, 'more'), 'x'.repeat(1000))
    const { exitCode, stdout } = await snapshot(sidecar)
    expect(exitCode).to.equal(1)
    expect(stdout).to.match(/the hook pre-snapshot of the container \S+ failed/)
  })

  it('that should stay open and never get ready let the snapshot fail', async () => {
    await withHooks({
      'pre-snapshot': 'echo not yet; cat; exit 0',
      'pre-snapshot.session': 'true',
      'pre-snapshot.timeout': '1s',
    })
    const { exitCode, stdout } = await snapshot(sidecar)
    expect(exitCode).to.equal(1)
    expect(stdout).to.match(/pre-snapshot of the container \S+ .*not yet/)
  })

  it('are followed by the pause, which the record says', async () => {
    await withHooks({ 'pre-snapshot': 'true', quiesce: 'pause' })
    const { record } = await snapshot(sidecar)
    expect(record?.consistency).to.equal('paused')
    expect(outcomes(record)).to.deep.equal(['pre-snapshot done'])
    expect(await stateOf(consumer ?? '')).to.equal('running')
  })
})

describeOnEngine('hooks of the sidecar', () => {
  it('run where it does, with its environment, also without the Docker API', async () => {
    const sidecar = await startSidecar({
      fill: 'echo one > one',
      env: {
        SNAP_PRE_SNAPSHOT: 'echo "$SNAP_HOOK $COLOUR" > /data/pre',
        SNAP_POST_SNAPSHOT: 'echo "$SNAP_RESULT" > /data/post',
        COLOUR: 'red',
      },
    })
    const { exitCode, record } = await snapshot(sidecar)
    expect(exitCode).to.equal(0)
    expect(outcomes(record)).to.deep.equal(['pre-snapshot done', 'post-snapshot done'])
    expect(record?.consistency).to.equal('hooked')
    expect(readFileSync(join(dataIn(sidecar, record?.name ?? ''), 'pre'), 'utf8')).to.equal(
      'pre-snapshot red\n',
    )
    expect(readFileSync(join(sidecar.data, 'post'), 'utf8')).to.equal('success\n')
  })

  it('that come after one that failed are told so', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > one' })
    const { exitCode } = await snapshot(sidecar, {
      SNAP_PRE_SNAPSHOT: 'echo no >&2; exit 7',
      SNAP_POST_SNAPSHOT: 'echo "$SNAP_RESULT: $SNAP_ERROR" > /data/post',
    })
    expect(exitCode).to.equal(1)
    expect(readFileSync(join(sidecar.data, 'post'), 'utf8')).to.match(
      /^failure: the hook pre-snapshot failed \(exit code 7\): no/,
    )
  })

  it('run around a restore', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > one' })
    const name = await takeSnapshot(sidecar)
    const restored = await runBeside(sidecar, ['restore', name], {
      SNAP_PRE_RESTORE: 'echo "$SNAP_HOOK $SNAP_SNAPSHOT" > /data/log',
      SNAP_POST_RESTORE: 'echo "$SNAP_HOOK $SNAP_RESULT" > /data/log',
    })
    expect(restored.exitCode).to.equal(0)
    expect(readFileSync(join(sidecar.data, 'log'), 'utf8')).to.equal('post-restore success\n')
    const undone = await runBeside(sidecar, ['restore', '--undo'])
    expect(undone.exitCode).to.equal(0)
    expect(readFileSync(join(sidecar.data, 'log'), 'utf8')).to.equal(`pre-restore ${name}\n`)
  })

  it('that hang are ended with what they started', async () => {
    const sidecar = await startSidecar({ fill: 'echo one > one' })
    const { exitCode, stdout } = await snapshot(sidecar, {
      SNAP_PRE_SNAPSHOT: 'sleep 1001 & sleep 1002',
      SNAP_HOOK_TIMEOUT: '1s',
    })
    expect(exitCode).to.equal(1)
    expect(stdout).to.match(/the hook pre-snapshot took longer than it may \(1 s\)/)
    expect(await docker('top', sidecar.container)).not.to.match(/sleep 100/)
  })
})
