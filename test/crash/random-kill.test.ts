import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { whyNoLoopFilesystem } from '../support/loop-filesystem.ts'
import { describeSample, roundsOf } from '../support/sample.ts'
import { skipBecause } from '../support/skip.ts'
import type { Bench, BenchOptions } from './support/bench.ts'
import type { Random } from './support/random.ts'
import { checkCutOffRestore } from './support/restore-checks.ts'
import { repeat } from './support/rounds.ts'
import { type Command, startCommand } from './support/snap-volume.ts'

const kills = roundsOf(52, 4)

interface Pace {
  /** What the command prints when it begins to write; without it, its start. */
  begins?: RegExp
  /** How long it takes from there on a bench, learned from the runs that came to their end. */
  usualMs: WeakMap<Bench, number>
  /** The part of that after which something happens; node itself needs most of a prune. */
  from: number
}

/**
 * Starts a command and kills it somewhere on its way: node alone, or with all that it started.
 * Gives false when it ended before; the first run always does.
 */
async function killAtRandom(
  bench: Bench,
  random: Random,
  command: Command,
  { begins, usualMs: learned, from }: Pace,
) {
  const isAlone = random() < 0.5
  const isEarly = random() < 0.1
  const part = from + (1 - from) * random()
  const usualMs = learned.get(bench)
  const running = startCommand(command)
  if (begins !== undefined && !(isEarly && usualMs !== undefined)) await running.printed(begins)
  const begun = performance.now()
  if (usualMs !== undefined) {
    await Promise.race([sleep(usualMs * part), running.ended])
    if (isAlone) running.signal('SIGKILL')
    else running.signalAll('SIGKILL')
  }
  const { signal, exitCode, stderr } = await running.ended
  const tookMs = performance.now() - begun
  await bench.lockIsFree()
  const isKilled = signal === 'SIGKILL'
  if (!isKilled) expect(exitCode, stderr).to.be.oneOf([0, 3])
  // the next ones are a little later, until one comes to its end again
  const nextMs = isKilled ? (usualMs ?? tookMs) * 1.02 : Math.min(usualMs ?? tookMs, tookMs) * 0.97
  learned.set(bench, nextMs)
  return isKilled
}

async function killSnapshots(options: BenchOptions): Promise<void> {
  const pace: Pace = { begins: /snapshot of db: reading/, usualMs: new WeakMap(), from: 0 }
  await repeat(kills, 'snapshot', options, async (bench, random) => {
    bench.writeNextGeneration()
    const before = bench.before()
    const isKilled = await killAtRandom(bench, random, bench.command(['snapshot']), pace)
    bench.check(before)
    await bench.takesCleanSnapshot()
    return isKilled
  })
}

describeSample({ tests: 2 }, 'SIGKILL at a random instant', function () {
  this.timeout(900_000)

  it(`of ${kills} snapshots leaves the list as it was, or with one more good one`, async () => {
    await killSnapshots({ keep: 4 })
  })

  it(`of ${kills} snapshots that link what provably did not change does the same`, async function () {
    const reason = await whyNoLoopFilesystem('ext4')
    if (reason !== undefined) skipBecause(this, reason)
    await killSnapshots({ keep: 4, dataOnExt4: true })
  })

  it(`of ${kills} prunes removes whole snapshots, and none that stays`, async () => {
    const pace: Pace = { usualMs: new WeakMap(), from: 0.7 }
    await repeat(kills, 'prune', {}, async (bench, random) => {
      bench.writeNextGeneration()
      while (bench.names.length < 6) await bench.takesCleanSnapshot()
      const before = bench.before(3)
      const command = bench.command(['prune', '--yes'], { SNAP_MAX: '3' })
      const isKilled = await killAtRandom(bench, random, command, pace)
      expect(bench.check(before)).to.equal(undefined)
      await bench.takesCleanSnapshot()
      return isKilled
    })
  })

  it(`of ${kills} restores is told, and can be finished or undone`, async () => {
    const pace: Pace = { begins: /snapshot of db: reading/, usualMs: new WeakMap(), from: 0 }
    await repeat(kills, 'restore', { keep: 5 }, async (bench, random) => {
      const kept = bench.newest
      bench.writeNextGeneration()
      const before = bench.before()
      const isKilled = await killAtRandom(bench, random, bench.command(['restore', kept]), pace)
      await checkCutOffRestore(bench, before, kept, random() < 0.5 ? 'finish' : 'undo')
      await bench.takesCleanSnapshot()
      return isKilled
    })
  })
})
