import { expect } from 'chai'
import { execa } from 'execa'
import {
  type LoopFilesystem,
  mountLoopFilesystem,
  whyNoLoopFilesystem,
} from '../support/loop-filesystem.ts'
import { howOften, itSometimes, sample } from '../support/sample.ts'
import { skipBecause } from '../support/skip.ts'
import { Bench, type BenchOptions, expectNone } from './support/bench.ts'
import { leastCrashes, listCrashPoints, someCalls } from './support/crash-points.ts'
import { remountFresh } from './support/remount.ts'
import { checkCutOffRestore } from './support/restore-checks.ts'
import { laneCount } from './support/rounds.ts'
import { type Call, type Command, type Trace, startTraced } from './support/snap-volume.ts'
import { childrensCalls, scansCalls, writingCalls } from './support/system-calls.ts'

/**
 * Commands of xfs_io(8): the log is lost with all that was not yet on the disk, or is flushed
 * before.
 */
const shutdowns = ['shutdown', 'shutdown -f'] as const
type Shutdown = (typeof shutdowns)[number]
const someShutdowns = sample(shutdowns, howOften(shutdowns.length, 1), 'shutdown')

/** A bench whose store is on an XFS that can lose its power. */
interface Machine {
  bench: Bench
  /** From here nothing reaches the disk any more. */
  losePower(): Promise<void>
  /** Mounts the filesystem again, which recovers its log. */
  startAgain(): Promise<void>
  remove(): Promise<void>
}

interface MachineOptions extends BenchOptions {
  shutdown: Shutdown
  /** Whether the data are on the same filesystem as the store. */
  dataBeside?: boolean
}

async function createMachine({ shutdown, dataBeside = false, ...options }: MachineOptions) {
  const filesystem: LoopFilesystem = await mountLoopFilesystem('xfs')
  const { path } = filesystem
  try {
    const places = { storeIn: path, ...(dataBeside ? { dataIn: path } : {}) }
    const bench = await Bench.create({ ...options, ...places })
    const machine: Machine = {
      bench,
      async losePower() {
        await execa('xfs_io', ['-x', '-c', shutdown, path])
      },
      startAgain: () => remountFresh(path),
      async remove() {
        await bench.remove()
        await filesystem.remove()
      },
    }
    return machine
  } catch (error) {
    await filesystem.remove()
    throw error
  }
}

/**
 * Stops a process right after a call, and loses the power then. Gives false when it ended before.
 */
async function losePowerAfter(
  machine: Machine,
  command: Command,
  { name, when, trace }: Point,
): Promise<boolean> {
  const running = startTraced(command, { ...trace, calls: name, fault: 'signal=SIGSTOP', when })
  const isStopped = await running.stopped
  running.signalAll('SIGSTOP')
  await machine.losePower()
  running.signalAll('SIGKILL')
  await running.gone()
  await machine.startAgain()
  return isStopped
}

interface Point extends Call {
  trace: Trace
}

/** Of how many calls one is taken. */
interface Steps {
  node?: number
  /** The links and directories of a scan. */
  scan?: number
  /** rsync, rm and sync. */
  children?: number
}

type Round = (machine: Machine, run: (command: Command) => Promise<void>) => Promise<void>

/**
 * Loses power after every flush, and after calls of node, its scan, and rsync, rm and sync, or a
 * sample of these.
 */
async function afterCalls(
  options: MachineOptions,
  round: Round,
  { atLeast, node = 1, scan = 12, children = 8 }: Steps & { atLeast: number },
): Promise<void> {
  // the milder one, after which more is on the disk
  const factor = options.shutdown === 'shutdown -f' ? 2 : 1
  const traces: [trace: Trace, step: number][] = [
    [{ calls: writingCalls }, node * factor],
    [{ calls: scansCalls, children: true }, scan * factor],
    [{ calls: childrensCalls, children: true }, children * factor],
    [{ calls: 'syncfs', children: true, together: true }, 1],
  ]
  const points: Point[] = []
  await inMachine(options, async (machine) => {
    const name = `${round.name} ${options.dataBeside}`
    for (const [trace, step] of sample(traces, howOften(traces.length, 2), name)) {
      points.push(...(await pointsOf(machine, round, trace, step)))
    }
  })
  let count = 0
  const work = () =>
    inMachine(options, async (machine) => {
      for (let point = points.shift(); point !== undefined; point = points.shift()) {
        try {
          await round(machine, async (command) => {
            if (await losePowerAfter(machine, command, point)) count += 1
          })
        } catch (error) {
          const where = `${point.name} ${point.when} of ${JSON.stringify(point.trace)}`
          throw new Error(`power lost after ${where}: ${String(error)}`, { cause: error })
        }
      }
    })
  const results = await Promise.allSettled(Array.from({ length: laneCount }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  expect(count, 'calls after which the power was lost').to.be.at.least(
    leastCrashes(atLeast) / factor,
  )
}

async function pointsOf(
  machine: Machine,
  round: Round,
  trace: Trace,
  step: number,
): Promise<Point[]> {
  let calls: Call[] = []
  await round(machine, async (command) => {
    calls = await listCrashPoints(command, trace, step)
  })
  return calls.map((call) => ({ ...call, trace }))
}

async function inMachine(options: MachineOptions, work: (machine: Machine) => Promise<void>) {
  const machine = await createMachine(options)
  try {
    await work(machine)
  } finally {
    await machine.remove()
  }
}

/** What the test itself writes is on the disk before the power goes. */
async function writeNextGenerationDurably({ bench }: Machine): Promise<void> {
  bench.writeNextGeneration()
  await execa('sync', ['-f', bench.volumes.db])
}

const snapshotThatPrunes: Round = async (machine, run) => {
  const { bench } = machine
  while (bench.names.length < 3) await bench.takesCleanSnapshot()
  await writeNextGenerationDurably(machine)
  const before = bench.before()
  await run(bench.command(['snapshot']))
  bench.check(before)
  await bench.takesCleanSnapshot()
}

/** What changed last may be lost with the power, in whole or in part, and the scan has seen it. */
const snapshotOfUnsyncedData: Round = async ({ bench }, run) => {
  while (bench.names.length < 3) await bench.takesCleanSnapshot()
  bench.writeNextGeneration()
  const before = bench.before()
  await run(bench.command(['snapshot']))
  bench.check(before)
  await bench.takesCleanSnapshot()
}

const prune: Round = async (machine, run) => {
  const { bench } = machine
  await writeNextGenerationDurably(machine)
  while (bench.names.length < 5) await bench.takesCleanSnapshot()
  const before = bench.before(3)
  await run(bench.command(['prune', '--yes'], { SNAP_MAX: '3' }))
  expect(bench.check(before)).to.equal(undefined)
  await bench.takesCleanSnapshot()
}

const restore: Round = async (machine, run) => {
  const { bench } = machine
  const kept = bench.newest
  await writeNextGenerationDurably(machine)
  const before = bench.before()
  await run(bench.command(['restore', kept]))
  await checkCutOffRestore(bench, before, kept, bench.alternate('finish', 'undo'))
  await bench.takesCleanSnapshot()
}

describe(`A power loss on XFS after ${someCalls}`, function () {
  this.timeout(900_000)

  before(async function () {
    const reason = await whyNoLoopFilesystem('xfs')
    if (reason !== undefined) skipBecause(this, reason)
  })

  for (const shutdown of someShutdowns) {
    describe(`(${shutdown})`, () => {
      itSometimes(
        3,
        'leaves the list of a snapshot that prunes as it was, or with one more good one',
        async () => {
          const often = { atLeast: 15, scan: 4, children: 12 }
          await afterCalls({ shutdown, keep: 2 }, snapshotThatPrunes, often)
        },
      )

      itSometimes(
        3,
        'leaves an exact next snapshot too, where changes of the data are lost with it',
        async () => {
          const often = { atLeast: 15, node: 3, scan: 4, children: 20 }
          const options = { shutdown, keep: 2, dataBeside: true }
          await afterCalls(options, snapshotOfUnsyncedData, often)
        },
      )

      itSometimes(3, 'leaves whole snapshots when it prunes', async () => {
        await afterCalls({ shutdown }, prune, { atLeast: 5, children: 20 })
      })

      itSometimes(
        3,
        'is told of a restore, which can be finished or undone, on the same filesystem',
        async () => {
          const options = { shutdown, keep: 5, dataBeside: true }
          await afterCalls(options, restore, { atLeast: 15, children: 10 })
        },
      )

      itSometimes(
        3,
        'is told of a restore, which can be finished or undone, on another filesystem',
        async () => {
          const often = { atLeast: 9, node: 3, children: 15 }
          await afterCalls({ shutdown, keep: 5 }, restore, often)
        },
      )

      it('does not undo what is done', async () => {
        await inMachine({ shutdown, dataBeside: true }, async (machine) => {
          const { bench } = machine
          await writeNextGenerationDurably(machine)
          const before = bench.before()
          const [first = ''] = bench.names
          expect((await bench.run(['snapshot'])).exitCode).to.be.oneOf([0, 3])
          await machine.losePower()
          await machine.startAgain()
          expect(bench.check(before), 'the snapshot stays').to.be.a('string')

          const beforeRestore = bench.before()
          expect((await bench.run(['restore', first])).exitCode).to.equal(0)
          await machine.losePower()
          await machine.startAgain()
          bench.check(beforeRestore)
          expectNone(bench.liveDifferences(first), 'not restored any more')

          for (let count = 0; count < 3; count += 1) await bench.takesCleanSnapshot()
          const beforePrune = bench.before(1)
          const pruned = await bench.run(['prune', '--yes'], { SNAP_MAX: '1' })
          const removed = [...pruned.stderr.matchAll(/removed (@GMT-[\d.-]+)/g)].map(
            ([, name]) => name,
          )
          await machine.losePower()
          await machine.startAgain()
          bench.check(beforePrune)
          expect(removed).to.have.length.above(0)
          expect(bench.names, 'what is pruned stays away').to.not.include.members(removed)
        })
      })
    })
  }
})
