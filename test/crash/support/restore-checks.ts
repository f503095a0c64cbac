import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Before, type Bench, expectNone } from './bench.ts'

/**
 * After a restore of `snapshot` was cut off: either the live data are as before, or as the
 * snapshot, or every command says that they are a mixture. Then finishes or undoes it, as `choice`
 * says, and the live data are exactly the snapshot or exactly what was there before.
 */
export async function checkCutOffRestore(
  bench: Bench,
  before: Before,
  snapshot: string,
  choice: 'finish' | 'undo',
): Promise<void> {
  bench.check(before)
  if (!isUnderWay(bench)) {
    const fromBefore = bench.liveDifferences(before.live)
    if (fromBefore.length > 0) {
      expectNone(bench.liveDifferences(snapshot), 'half restored, and nothing says so')
    }
    return
  }
  await expectTold(bench)
  const again = bench.before()
  const { exitCode, stderr } = await bench.run(
    choice === 'finish' ? ['restore', snapshot] : ['restore', '--undo'],
  )
  expect(exitCode, stderr).to.equal(0)
  bench.check(again)
  const wrong = bench.liveDifferences(choice === 'finish' ? snapshot : before.live)
  expectNone(wrong, `live data after ${choice}`)
  expect(isUnderWay(bench), 'the journal ends with it').to.equal(false)
}

/** What the journal says, read without the program's own code. */
export function isUnderWay(bench: Bench): boolean {
  const path = join(bench.ownDirectory, 'journal', 'restore.json')
  if (!existsSync(path)) return false
  const journal = JSON.parse(readFileSync(path, 'utf8')) as { finishedAt: string | null }
  return journal.finishedAt === null
}

async function expectTold(bench: Bench): Promise<void> {
  const told = /cut off.*restore @GMT-.*restore --undo/
  const show = await bench.run(['show'])
  expect(show.exitCode).to.equal(0)
  expect(show.stdout + show.stderr, 'show tells of it').to.match(told)
  const before = bench.before()
  const snapshot = await bench.run(['snapshot'])
  expect(snapshot.exitCode, 'no snapshot of a mixture').to.equal(1)
  expect(snapshot.stderr).to.match(told)
  expect(bench.check(before)).to.equal(undefined)
}
