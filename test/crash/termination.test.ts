import { link, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { holdLock } from '../support/hold-lock.ts'
import { Bench } from './support/bench.ts'
import type { ProcessGroup } from './support/process-group.ts'
import { checkCutOffRestore, isUnderWay } from './support/restore-checks.ts'
import { startCommand, startTraced } from './support/snap-volume.ts'

const quicklyMs = 3000

describe('SIGTERM', function () {
  this.timeout(60_000)
  let bench: Bench

  beforeEach(async () => {
    bench = await Bench.create()
    bench.writeNextGeneration()
  })

  afterEach(async () => {
    await bench.remove()
  })

  /**
   * A file that takes rsync many seconds, and no space: it is one hole. With one name cp would copy
   * it, at once.
   */
  async function withSlowFile(work: () => Promise<void>): Promise<void> {
    const path = join(bench.volumes.www, 'slow')
    await writeFile(path, '')
    await truncate(path, 100 * 1024 ** 3)
    await link(path, `${path} too`)
    try {
      await work()
    } finally {
      for (const name of [path, `${path} too`]) await rm(name)
    }
  }

  it('ends a snapshot with 130, and nothing half done is visible', async () => {
    const before = bench.before()
    await withSlowFile(async () => {
      const running = startCommand(bench.command(['snapshot']))
      await running.printed(/snapshot of www: reading/)
      await expectQuickEnd(running, 130)
    })
    expect(bench.check(before)).to.equal(undefined)
    await bench.takesCleanSnapshot()
  })

  it('ends a command that waits for the store with 130', async () => {
    const lock = await holdLock(bench.store)
    try {
      for (const args of [['snapshot'], ['prune'], ['restore', bench.names[0] ?? '']]) {
        const running = startCommand(bench.command(args))
        await running.printed(/waiting for the store/)
        await expectQuickEnd(running, 130)
      }
    } finally {
      await lock.release()
    }
    await bench.takesCleanSnapshot()
  })

  it('ends a restore with 130, which is told of and can be finished', async () => {
    const [first = ''] = bench.names
    const before = bench.before()
    const running = startTraced(bench.command(['restore', first]), {
      calls: 'utimensat',
      fault: 'signal=SIGSTOP',
      when: 1,
      children: true,
      once: (program) => program === 'cp' && isUnderWay(bench),
    })
    expect(await running.stopped).to.equal(true)
    const nodes = running.living().filter(({ name }) => ['node', 'MainThread'].includes(name))
    for (const { pid } of nodes) process.kill(pid, 'SIGTERM')
    running.signalAll('SIGCONT')
    const { exitCode, stderr } = await running.ended
    expect(exitCode, stderr).to.equal(130)
    await running.gone()
    expect(isUnderWay(bench), 'the journal tells').to.equal(true)
    await checkCutOffRestore(bench, before, first, 'finish')
    await bench.takesCleanSnapshot()
  })

  it('ends the daemon during a scheduled snapshot with 0; the next start makes the run up', async () => {
    const before = bench.before()
    await withSlowFile(async () => {
      const everySecond = { SNAP_CRON: '* * * * * *', SNAP_LOG_LEVEL: 'debug' }
      const daemon = startCommand(bench.startCommand(everySecond))
      await daemon.printed(/copy www/)
      await expectQuickEnd(daemon, 0)
    })
    expect(bench.check(before)).to.equal(undefined)

    const beforeStart = bench.before()
    const daemon = startCommand(bench.startCommand({ SNAP_CRON: '0 0 1 1 *' }))
    await daemon.printed(/was missed and is made up now/)
    await daemon.printed(/snapshot @GMT-\S+ is done|: \d+ files/)
    await expectQuickEnd(daemon, 0)
    expect(bench.check(beforeStart), 'the run that was made up').to.be.a('string')
    await bench.takesCleanSnapshot()
  })

  it('is not needed: a scheduled run that was killed with the daemon is made up as well', async () => {
    const before = bench.before()
    await withSlowFile(async () => {
      const everySecond = { SNAP_CRON: '* * * * * *', SNAP_LOG_LEVEL: 'debug' }
      const daemon = startCommand(bench.startCommand(everySecond))
      await daemon.printed(/copy www/)
      daemon.signalAll('SIGKILL')
      await daemon.gone()
    })
    expect(bench.check(before)).to.equal(undefined)

    const beforeStart = bench.before()
    const daemon = startCommand(bench.startCommand({ SNAP_CRON: '0 0 1 1 *' }))
    await daemon.printed(/snapshot @GMT-\S+ is done|: \d+ files/)
    await expectQuickEnd(daemon, 0)
    expect(bench.check(beforeStart), 'the run that was made up').to.be.a('string')
  })
})

async function expectQuickEnd(running: ProcessGroup, exitCode: number): Promise<void> {
  const begun = performance.now()
  running.signal('SIGTERM')
  const ended = await running.ended
  expect(ended.exitCode, ended.stderr).to.equal(exitCode)
  expect(performance.now() - begun, 'milliseconds to the end').to.be.below(quicklyMs)
  expect(running.living(), 'processes left').to.deep.equal([])
  expect(ended.stderr).to.not.include('not foreseen')
}
