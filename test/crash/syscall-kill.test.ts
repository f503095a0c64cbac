import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { whyNoLoopFilesystem } from '../support/loop-filesystem.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { describeSample, itSometimes } from '../support/sample.ts'
import { skipBecause } from '../support/skip.ts'
import { type Before, Bench, type BenchOptions, expectNone } from './support/bench.ts'
import { leastCrashes, listCrashPoints, someCalls } from './support/crash-points.ts'
import { checkCutOffRestore, isUnderWay } from './support/restore-checks.ts'
import { inLanes, withBench } from './support/rounds.ts'
import { type Call, type Command, type Trace, startTraced } from './support/snap-volume.ts'
import { childrensCalls, scansCalls, writingCalls } from './support/system-calls.ts'

/** Where a command is cut off, and how. */
interface Method {
  trace: Trace
  /** Gives false when the run came to its end before that call. */
  cutOff: (bench: Bench, command: Command, call: Call) => Promise<boolean>
}

/** node alone is killed instead of the call; what it started lives on to its end. */
const nodeAlone: Method = {
  trace: { calls: writingCalls },
  async cutOff(bench, command, { name, when }) {
    const running = startTraced(command, { calls: name, fault: 'signal=SIGKILL', when })
    const { signal } = await running.ended
    await bench.lockIsFree()
    return signal === 'SIGKILL'
  },
}

/** Everything is killed after a call of a child: cp, rsync, rm, sync. */
const everything: Method = {
  trace: { calls: childrensCalls, children: true },
  async cutOff(bench, command, { name, when }) {
    const fault = 'signal=SIGSTOP'
    const running = startTraced(command, { calls: name, fault, when, children: true })
    const isStopped = await running.stopped
    running.signalAll('SIGKILL')
    await running.gone()
    await bench.lockIsFree()
    return isStopped
  },
}

/** Only a child is killed, and node sees that; where it was cp, it has rsync complete the copy. */
const childAlone: Method = {
  trace: { calls: childrensCalls, children: true },
  async cutOff(bench, command, { name, when }) {
    const fault = 'signal=SIGKILL'
    const running = startTraced(command, { calls: name, fault, when, children: true })
    await running.ended
    await bench.lockIsFree()
    return running.hasKilled()
  },
}

/** node is killed instead of a call of one of its threads: the scan makes directories and links. */
const threads: Method = {
  trace: { calls: scansCalls, children: true },
  async cutOff(bench, command, { name, when }) {
    const fault = 'signal=SIGKILL'
    const running = startTraced(command, { calls: name, fault, when, children: true })
    const { signal } = await running.ended
    await bench.lockIsFree()
    return signal === 'SIGKILL'
  },
}

/**
 * Everything is killed after a flush: what came before it, such as an index, is in staging then.
 */
const flushes: Method = {
  trace: { calls: 'syncfs', children: true, together: true },
  async cutOff(bench, command, { name, when }) {
    const fault = 'signal=SIGSTOP'
    const trace = { calls: name, children: true, together: true }
    const running = startTraced(command, { ...trace, fault, when })
    const isStopped = await running.stopped
    running.signalAll('SIGKILL')
    await running.gone()
    await bench.lockIsFree()
    return isStopped
  },
}

type Round = (bench: Bench, run: (command: Command) => Promise<void>) => Promise<void>

/**
 * Cuts `round`'s command off at its calls, at every `step`th, or at a sample of these, on benches
 * side by side.
 */
async function atCalls(
  options: BenchOptions,
  { trace, cutOff }: Method,
  round: Round,
  { atLeast, step = 1 }: { atLeast: number; step?: number },
): Promise<void> {
  const queue = await withBench(options, async (bench) => {
    let calls: Call[] = []
    await round(bench, async (command) => {
      calls = await listCrashPoints(command, trace, step)
    })
    return calls
  })
  let count = 0
  await inLanes(options, async (bench) => {
    for (let call = queue.shift(); call !== undefined; call = queue.shift()) {
      const { name, when } = call
      try {
        await round(bench, async (command) => {
          if (await cutOff(bench, command, { name, when })) count += 1
        })
      } catch (error) {
        throw new Error(`cut off at ${name} ${when}: ${String(error)}`, { cause: error })
      }
    }
  })
  expect(count, 'calls at which the run was cut off').to.be.at.least(leastCrashes(atLeast))
}

const snapshotThatPrunes: Round = async (bench, run) => {
  while (bench.names.length < 3) await bench.takesCleanSnapshot()
  bench.writeNextGeneration()
  const before = bench.before()
  await run(bench.command(['snapshot']))
  bench.check(before)
  await bench.takesCleanSnapshot()
}

const prune: Round = async (bench, run) => {
  bench.writeNextGeneration()
  while (bench.names.length < 5) await bench.takesCleanSnapshot()
  const before = bench.before(3)
  await run(bench.command(['prune', '--yes'], { SNAP_MAX: '3' }))
  expect(bench.check(before)).to.equal(undefined)
  await bench.takesCleanSnapshot()
}

const removeSome: Round = async (bench, run) => {
  bench.writeNextGeneration()
  while (bench.names.length < 5) await bench.takesCleanSnapshot()
  const [, one = '', , other = ''] = bench.names
  const before = bench.before(0)
  await run(bench.command(['remove', one, other, '--yes']))
  expect(bench.check(before)).to.equal(undefined)
  const gone = before.names.filter((name) => !bench.names.includes(name))
  const wrong = gone.filter((name) => name !== one && name !== other)
  expectNone(wrong, 'they are gone, and nobody asked for that')
  await bench.takesCleanSnapshot()
}

const annotate: Round = async (bench, run) => {
  const [name = ''] = bench.names
  const read = (): SnapshotRecord =>
    JSON.parse(readFileSync(join(bench.store, name, '.snapshot.json'), 'utf8')) as SnapshotRecord
  const before = read()
  const comment = `comment ${randomUUID()}`
  await run(bench.command(['annotate', name, '-m', comment, '--label', `at=${comment}`]))
  const after = { ...before, comment, labels: { ...before.labels, at: comment } }
  expect([before, after]).to.deep.include(read())
  expect((await bench.run(['annotate', name, '-m', 'as it should be'])).exitCode).to.equal(0)
  expect(read().comment).to.equal('as it should be')
}

const restore: Round = async (bench, run) => {
  const kept = bench.newest
  bench.writeNextGeneration()
  const before = bench.before()
  await run(bench.command(['restore', kept]))
  await checkCutOffRestore(bench, before, kept, bench.alternate('finish', 'undo'))
  await bench.takesCleanSnapshot()
}

const restoreSomePaths: Round = async (bench, run) => {
  const kept = bench.newest
  bench.writeNextGeneration()
  const before = bench.before()
  await run(bench.command(['restore', kept, 'db:replaced-*', 'db:large', 'www:index']))
  bench.check(before)

  const stored = {
    db: walkTree(join(bench.store, kept, 'db')),
    www: walkTree(join(bench.store, kept, 'www')),
  }
  /** How the live data differ from what they were but for the chosen paths, which are as there. */
  const differences = (there: Before['live']): string[] =>
    (['db', 'www'] as const).flatMap((id) => {
      const wanted = [...before.live[id]].map(([path, entry]) => {
        const isChosen = /^(replaced-\d+|large|index)$/.test(path)
        return [path, isChosen ? (there[id].get(path) ?? entry) : entry] as const
      })
      const found = compareTrees(new Map(wanted), walkTree(bench.volumes[id]))
      // names came and went in the root
      return found.filter((line) => !line.startsWith('".": mtime'))
    })
  if (isUnderWay(bench)) {
    const way = bench.alternate('--continue', '--undo')
    const again = bench.before()
    const { exitCode, stderr } = await bench.run(['restore', way])
    expect(exitCode, stderr).to.equal(0)
    bench.check(again)
    expectNone(differences(way === '--undo' ? before.live : stored), `live data after ${way}`)
  } else if (differences(before.live).length > 0) {
    expectNone(differences(stored), 'half restored, and nothing says so')
  }
  await bench.takesCleanSnapshot()
}

describe(`SIGKILL at ${someCalls} that name, remove or flush`, function () {
  this.timeout(900_000)

  describe('of node, the programs it started living on', () => {
    itSometimes(
      5,
      'leaves the list of a snapshot that prunes as it was, or with one more',
      async () => {
        await atCalls({ keep: 2 }, nodeAlone, snapshotThatPrunes, { atLeast: 10 })
      },
    )

    itSometimes(5, 'leaves whole snapshots when it prunes', async () => {
      await atCalls({}, nodeAlone, prune, { atLeast: 12 })
    })

    itSometimes(5, 'leaves whole snapshots when it removes some, and no other goes', async () => {
      await atCalls({}, nodeAlone, removeSome, { atLeast: 6 })
    })

    itSometimes(
      5,
      'leaves the old record or the new one of a snapshot that it annotates',
      async () => {
        await atCalls({}, nodeAlone, annotate, { atLeast: 3 })
      },
    )

    itSometimes(5, 'is told of a restore, which can be finished or undone', async () => {
      await atCalls({ keep: 5 }, nodeAlone, restore, { atLeast: 15 })
    })
  })

  itSometimes(
    3,
    'is told of a restore of some paths, which can be continued or undone',
    async () => {
      await atCalls({ keep: 5 }, nodeAlone, restoreSomePaths, { atLeast: 10, step: 2 })
    },
  )

  describe('of cp, rsync, sync and rm, node with them', () => {
    itSometimes(
      5,
      'leaves the list of a snapshot that prunes as it was, or with one more',
      async () => {
        const often = { atLeast: 8, step: 2 }
        await atCalls({ keep: 2 }, everything, snapshotThatPrunes, often)
      },
    )

    itSometimes(5, 'leaves whole snapshots when it prunes', async () => {
      await atCalls({}, everything, prune, { atLeast: 3 })
    })

    itSometimes(5, 'is told of a restore, which can be finished or undone', async () => {
      await atCalls({ keep: 5 }, everything, restore, { atLeast: 8, step: 4 })
    })
  })

  describe('of cp, rsync, sync or rm alone', () => {
    itSometimes(5, 'is a failed snapshot, or one more', async () => {
      const often = { atLeast: 4, step: 8 }
      await atCalls({ keep: 2 }, childAlone, snapshotThatPrunes, often)
    })

    itSometimes(5, 'is told of a restore, which can be finished or undone', async () => {
      await atCalls({ keep: 5 }, childAlone, restore, { atLeast: 4, step: 10 })
    })
  })
})

describe(`SIGKILL, at ${someCalls}, of a snapshot that links what provably did not change`, function () {
  this.timeout(900_000)
  const options = { keep: 2, dataOnExt4: true }

  before(async function () {
    const reason = await whyNoLoopFilesystem('ext4')
    if (reason !== undefined) skipBecause(this, reason)
  })

  const whens: { title: string; method: Method; often: { atLeast: number; step?: number } }[] = [
    {
      title: 'at links and directories that its scan makes',
      method: threads,
      often: { atLeast: 10 },
    },
    {
      title: 'after every flush, when an index was written',
      method: flushes,
      often: { atLeast: 5 },
    },
    {
      title: 'at calls of its main thread, such as when an index has served',
      method: nodeAlone,
      often: { atLeast: 15 },
    },
    {
      title: 'at calls of cp, rsync and sync',
      method: childAlone,
      often: { atLeast: 4, step: 5 },
    },
  ]
  for (const { title, method, often } of whens) {
    itSometimes(
      5,
      `${title}, leaves the list as it was, or with one more, and the next one exact`,
      async () => {
        await atCalls(options, method, snapshotThatPrunes, often)
      },
    )
  }
})

describeSample({ tests: 3 }, 'A restore that was cut off', function () {
  this.timeout(60_000)
  let bench: Bench

  beforeEach(async () => {
    bench = await Bench.create()
  })

  afterEach(async () => {
    await bench.remove()
  })

  /**
   * Kills everything when so many files of the live data have been linked aside, of which all but
   * the last are replaced.
   */
  async function cutOffInLiveData(args: readonly string[], when = 3): Promise<void> {
    const before = bench.before()
    const running = startTraced(bench.command(args), {
      calls: 'link,linkat',
      fault: 'signal=SIGSTOP',
      when,
    })
    expect(await running.stopped).to.equal(true)
    running.signalAll('SIGKILL')
    await running.gone()
    await bench.lockIsFree()
    bench.check(before)
    expect(isUnderWay(bench), 'the journal tells').to.equal(true)
  }

  async function succeeds(args: readonly string[]): Promise<void> {
    const before = bench.before()
    const { exitCode, stderr } = await bench.run(args)
    expect(exitCode, stderr).to.equal(0)
    bench.check(before)
  }

  it('twice goes back to what was there before the first', async () => {
    const [first = ''] = bench.names
    bench.writeNextGeneration()
    const { live } = bench.before()
    await cutOffInLiveData(['restore', first])
    await cutOffInLiveData(['restore', first])
    await succeeds(['restore', '--undo'])
    expectNone(bench.liveDifferences(live), 'not what was there before')
  })

  it('and then undone, the undo cut off as well, goes back when it is undone again', async () => {
    const [first = ''] = bench.names
    bench.writeNextGeneration()
    const { live } = bench.before()
    await cutOffInLiveData(['restore', first])
    await cutOffInLiveData(['restore', '--undo'], 2)
    await succeeds(['restore', '--undo'])
    expectNone(bench.liveDifferences(live), 'not what was there before')
  })

  it('undone and cut off, then finished after all, still goes back to what was there before', async () => {
    const [first = ''] = bench.names
    bench.writeNextGeneration()
    const { live } = bench.before()
    await cutOffInLiveData(['restore', first])
    await cutOffInLiveData(['restore', '--undo'], 2)
    await succeeds(['restore', first])
    await succeeds(['restore', '--undo'])
    expectNone(bench.liveDifferences(live), 'not what was there before')
  })

  it('without a safety snapshot is finished in the same way, and offers no way back', async () => {
    const [first = ''] = bench.names
    bench.writeNextGeneration()
    const restore = ['restore', first, '--without-safety']
    await cutOffInLiveData(restore)
    const undo = await bench.run(['restore', '--undo'])
    expect(undo.exitCode).to.equal(1)
    expect(undo.stderr).to.match(/cannot be undone: .*finish it with "[^"]* --without-safety"/)
    await succeeds(restore)
    expectNone(bench.liveDifferences(first), 'not the snapshot')
  })

  it('keeps its snapshot and the way back from a prune', async () => {
    const first = await bench.takesCleanSnapshot()
    for (let count = 0; count < 3; count += 1) {
      bench.writeNextGeneration()
      await bench.takesCleanSnapshot()
    }
    const { live } = bench.before()
    await cutOffInLiveData(['restore', first])
    const before = bench.before(1)
    expect((await bench.run(['prune', '--yes'], { SNAP_MAX: '1' })).exitCode).to.equal(0)
    bench.check(before)
    await succeeds(['restore', first])
    expectNone(bench.liveDifferences(first), 'not the snapshot')
    await succeeds(['restore', '--undo'])
    expectNone(bench.liveDifferences(live), 'not what was there before')
  })
})
