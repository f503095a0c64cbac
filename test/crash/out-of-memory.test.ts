import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { programFile } from '../support/cli.ts'
import { skipBecause } from '../support/skip.ts'
import { Bench } from './support/bench.ts'
import {
  type MemoryCgroup,
  createMemoryCgroup,
  whyNoMemoryCgroup,
} from './support/memory-cgroup.ts'
import { type Ended, startGroup } from './support/process-group.ts'
import { checkCutOffRestore, isUnderWay } from './support/restore-checks.ts'
import { type Command, type Injection, startTraced } from './support/snap-volume.ts'
import { describeSample } from '../support/sample.ts'

const MiB = 1024 * 1024

describeSample({ tests: 1 }, 'Out of memory', function () {
  this.timeout(120_000)
  let bench: Bench
  let cgroup: MemoryCgroup

  before(async function () {
    const reason = await whyNoMemoryCgroup()
    if (reason !== undefined) skipBecause(this, reason)
  })

  beforeEach(async () => {
    cgroup = createMemoryCgroup()
    bench = await Bench.create()
    bench.writeNextGeneration()
  })

  afterEach(async () => {
    await cgroup.remove()
    await bench.remove()
  })

  /** Runs a command with so little memory that something of it is killed. */
  async function runWithin(megabytes: number, { args, environment }: Command): Promise<Ended> {
    cgroup.limit(megabytes * MiB)
    const join = 'echo $$ >"$0" && exec "$@"'
    const words = ['-c', join, cgroup.procs, process.execPath, programFile, ...args]
    const running = startGroup('sh', words, { environment })
    const ended = await running.ended
    await running.gone()
    return ended
  }

  /** Takes all memory from rsync when it has renamed one file. */
  async function starveRsync(command: Command, once?: Injection['once']): Promise<Ended> {
    const running = startTraced(command, {
      calls: 'renameat',
      fault: 'signal=SIGSTOP',
      when: 1,
      children: true,
      ...(once === undefined ? {} : { once }),
    })
    expect(await running.stopped).to.equal(true)
    cgroup.limit(0)
    const pids = running.living().filter(({ name }) => name === 'rsync')
    for (const { pid } of pids) writeFileSync(cgroup.procs, String(pid))
    for (const { pid } of pids) process.kill(pid, 'SIGCONT')
    return running.ended
  }

  it('kills node at whatever point: not published, and the run after that is clean', async () => {
    let failures = 0
    for (const megabytes of [12, 20, 28, 36, 44, 52, 60]) {
      const before = bench.before()
      const { exitCode, signal } = await runWithin(megabytes, bench.command(['snapshot']))
      await bench.lockIsFree()
      const added = bench.check(before)
      if (added === undefined) {
        expect(exitCode === null ? signal : exitCode).to.be.oneOf(['SIGKILL', 1, 137])
        failures += 1
      }
      await bench.takesCleanSnapshot()
    }
    expect(failures, 'how often the memory was too little').to.be.at.least(2)
  })

  it('kills rsync: the snapshot fails, is not published, and the next one is clean', async () => {
    const before = bench.before()
    const { exitCode, stderr } = await starveRsync(bench.command(['snapshot']))
    expect(exitCode, stderr).to.equal(1)
    expect(stderr).to.match(/snap-volume: rsync .+/)
    expect(bench.check(before)).to.equal(undefined)
    await bench.takesCleanSnapshot()
  })

  it('kills rsync: the restore fails, is told of and can be undone', async () => {
    const [first = ''] = bench.names
    const before = bench.before()
    const { exitCode, stderr } = await starveRsync(bench.command(['restore', first]), () =>
      isUnderWay(bench),
    )
    expect(exitCode, stderr).to.equal(1)
    expect(stderr).to.match(/snap-volume: rsync .+/)
    await checkCutOffRestore(bench, before, first, 'undo')
    await bench.takesCleanSnapshot()
  })
})
