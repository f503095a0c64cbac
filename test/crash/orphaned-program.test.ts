import { expect } from 'chai'
import { Bench } from './support/bench.ts'
import type { ProcessGroup } from './support/process-group.ts'
import { checkCutOffRestore } from './support/restore-checks.ts'
import { type Command, startTraced } from './support/snap-volume.ts'

describe('SIGKILL of node while a program that copies lives on', function () {
  this.timeout(60_000)
  let bench: Bench

  beforeEach(async () => {
    bench = await Bench.create()
  })

  afterEach(async () => {
    await bench.remove()
  })

  async function expectBusy(...args: string[]): Promise<void> {
    const { exitCode, stderr } = await bench.run(args, { SNAP_LOCK_TIMEOUT: '0' })
    expect(exitCode, stderr).to.equal(75)
    expect(stderr).to.match(/the store is busy: "(manual snapshot|restore)" runs since/)
  }

  /**
   * Lets it go on; rsync ends by itself, because nobody reads what it prints, and cp when all is
   * copied.
   */
  async function letGo(orphans: ProcessGroup): Promise<void> {
    for (const { pid, name } of orphans.living()) {
      if (name === 'rsync' || name === 'cp') process.kill(pid, 'SIGCONT')
    }
    await bench.lockIsFree()
    await orphans.gone()
  }

  it('keeps the lock until cp ends; the run after that is clean', async () => {
    bench.writeNextGeneration()
    const before = bench.before()
    const orphans = await orphan(bench.command(['snapshot']))
    try {
      await expectBusy('snapshot')
      await expectBusy('prune')
      await expectBusy('restore', bench.names[0] ?? '')
      expect(bench.check(before)).to.equal(undefined)
    } finally {
      await letGo(orphans)
    }
    expect(bench.check(before)).to.equal(undefined)
    await bench.takesCleanSnapshot()
  })

  it('keeps the lock of a restore too, which is told of and can be finished', async () => {
    const [first = ''] = bench.names
    bench.writeNextGeneration()
    // so that the safety snapshot has nothing to copy
    await bench.takesCleanSnapshot()
    const before = bench.before()
    const orphans = await orphan(bench.command(['restore', first]))
    try {
      await expectBusy('snapshot')
      await expectBusy('restore', '--undo')
      expect((await bench.run(['show'])).stdout).to.include('was cut off')
    } finally {
      await letGo(orphans)
    }
    await checkCutOffRestore(bench, before, first, 'finish')
    await bench.takesCleanSnapshot()
  })
})

/** Stops cp while it copies, then kills node; gives what is left, cp among it. */
async function orphan(command: Command): Promise<ProcessGroup> {
  const where = { calls: 'copy_file_range', when: 5, children: true }
  const running = startTraced(command, { ...where, fault: 'signal=SIGSTOP' })
  expect(await running.stopped).to.equal(true)
  for (const { pid, name } of running.living()) {
    if (name === 'node' || name === 'MainThread') process.kill(pid, 'SIGKILL')
  }
  expect(running.living().map(({ name }) => name)).to.include('cp')
  return running
}
