import { expect } from 'chai'
import { Bench } from './support/bench.ts'
import type { ProcessGroup } from './support/process-group.ts'
import { checkCutOffRestore } from './support/restore-checks.ts'
import { type Command, startTraced } from './support/snap-volume.ts'

describe('SIGKILL of node while rsync lives on', function () {
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

  /** Lets rsync go on; it ends by itself, because nobody reads what it prints. */
  async function letGo(orphans: ProcessGroup): Promise<void> {
    for (const { pid, name } of orphans.living()) if (name === 'rsync') process.kill(pid, 'SIGCONT')
    await bench.lockIsFree()
    await orphans.gone()
  }

  it('keeps the lock until rsync ends; the run after that is clean', async () => {
    bench.writeNextGeneration()
    const before = bench.before()
    const orphans = await orphanRsync(bench.command(['snapshot']), 5)
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
    const before = bench.before()
    const orphans = await orphanRsync(bench.command(['restore', first]), 5, bench.volumes.db)
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

/** Stops rsync when it has renamed so many files (in `path`), then kills node; gives what is left. */
async function orphanRsync(command: Command, when: number, path?: string): Promise<ProcessGroup> {
  const running = startTraced(command, {
    calls: 'renameat',
    fault: 'signal=SIGSTOP',
    when,
    children: true,
    ...(path === undefined ? {} : { path }),
  })
  expect(await running.stopped).to.equal(true)
  for (const { pid, name } of running.living()) {
    if (name === 'node' || name === 'MainThread') process.kill(pid, 'SIGKILL')
  }
  const names = running.living().map(({ name }) => name)
  expect(names).to.include('rsync')
  return running
}
