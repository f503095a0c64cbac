import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import { lastDocumentOf, programFile } from '../support/cli.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { randomOf, seed } from './support/random.ts'

const rounds = roundsOf(40, 5)

describe(`SIGKILL at a random instant (SNAP_VOLUME_TEST_SEED=${seed})`, function () {
  this.timeout(rounds * 20_000 + 60_000)
  const random = randomOf('clone-kill')
  let filesystem: LoopFilesystem
  let store: TestStore
  let snapshot: string
  let held: Tree

  before(async function () {
    filesystem = await loopOrSkip(this, 'xfs')
    store = await makeStore({ on: filesystem.path })
    await shellIn(
      store.data,
      `for i in $(seq 400); do echo $i > file$i; done; head -c 20M /dev/urandom > large; ln file1 other`,
    )
    snapshot = await store.snapshot()
    held = walkTree(store.dataIn(snapshot))
  })
  after(async () => {
    await store.remove()
    await filesystem.remove()
  })

  /** Kills a command somewhere within its usual time, with what it started; says whether it was. */
  async function kill(words: readonly string[], usualMs: number): Promise<boolean> {
    const running = execa(process.execPath, [programFile, ...words], {
      env: { ...store.env, SNAP_DIR: store.directory },
      reject: false,
      detached: true,
    })
    await Promise.race([sleep(random() * usualMs), running])
    try {
      process.kill(-(running.pid ?? 0), 'SIGKILL')
    } catch {
      // it has ended
    }
    return (await running).signal === 'SIGKILL'
  }

  async function run(...words: string[]): Promise<ReturnType<typeof lastDocumentOf>> {
    const finished = await store.run([...words, '--json'])
    expect(finished.exitCode, finished.stderr + finished.stdout).to.equal(0)
    return lastDocumentOf(finished)
  }

  const dataOf = (name: string) => join(store.directory, '.snap-volume/clones', name, 'data')

  it(`of ${rounds} clones leaves a whole one, none, or one that is said to be cut off`, async () => {
    let killed = 0
    for (let round = 0; round < rounds; round += 1) {
      const name = `snap-volume-test-${randomUUID()}`
      killed += Number(await kill(['clone', snapshot, name], 900))
      const { clones } = (await run('clone', 'list')) as {
        clones: { name: string; finishedAt: string | null }[]
      }
      const made = clones.find((one) => one.name === name)
      if (made === undefined || made.finishedAt === null) {
        if (made !== undefined) await run('clone', 'remove', name, '--force')
        await run('clone', snapshot, name)
      }
      expect(compareTrees(held, walkTree(dataOf(name)))).to.deep.equal([])
      expect(compareTrees(held, walkTree(store.dataIn(snapshot)))).to.deep.equal([])
      await run('clone', 'remove', name, '--force')
    }
    expect(killed).to.be.greaterThan(0)
  })

  it(`of ${rounds} promotes leaves the live data as they were, as in the clone, or told of`, async () => {
    const name = `snap-volume-test-${randomUUID()}`
    await run('clone', snapshot, name)
    await shellIn(dataOf(name), 'for i in $(seq 200); do echo changed > file$i; done; rm file300')
    const wanted = walkTree(dataOf(name))
    let killed = 0
    for (let round = 0; round < rounds; round += 1) {
      const live = walkTree(store.data)
      killed += Number(await kill(['clone', 'promote', name, '--yes'], 4000))
      const { exitCode, stderr } = await store.run(['restore', '--continue', '--yes'])
      const now = walkTree(store.data)
      const isOld = compareTrees(live, now).length === 0
      const isNew = compareTrees(wanted, now).length === 0
      expect(isOld || isNew, stderr).to.equal(true)
      if (exitCode === 0) expect(isNew).to.equal(true)
      expect(compareTrees(wanted, walkTree(dataOf(name)))).to.deep.equal([])
      expect(compareTrees(held, walkTree(store.dataIn(snapshot)))).to.deep.equal([])
      await shellIn(store.data, 'echo live > file7; echo more >> large')
    }
    expect(killed).to.be.greaterThan(0)
    await run('clone', 'flatten', name)
    await run('remove', snapshot, '--yes')
    expect(compareTrees(wanted, walkTree(dataOf(name)))).to.deep.equal([])
    await run('clone', 'remove', name, '--force')
  })
})
