import { rm } from 'node:fs/promises'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { expectRefusal } from '../support/refusal.ts'
import { makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('When the data of the newest snapshot were removed by hand', () => {
  const store = useStore()
  let oldest: string
  let gutted: string

  beforeEach(async () => {
    oldest = await store.snapshot()
    gutted = await store.snapshot()
    await rm(store.dataIn(gutted), { recursive: true })
  })

  const newest = (): string => store.snapshotNames().at(-1) ?? ''

  it('the next is complete, says so and exits with 3', async () => {
    const { exitCode, stderr } = await store.run(['snapshot'])
    expect(stderr).to.include(`warning: data: the data of ${gutted}/data are gone`)
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(newest())))).to.deep.equal([])
    expect(exitCode).to.equal(3)
  })

  it('the next shares files with the one before that', async () => {
    await store.run(['snapshot'])
    const inodes = [oldest, newest()].map((name) => {
      const file = join(store.dataIn(name), 'hello.txt')
      return lstatSync(file, { bigint: true }).ino
    })
    expect(inodes[0]).to.equal(inodes[1])
  })

  it('the next is a full copy when there is no other, and its record says so', async () => {
    await rm(store.dataIn(oldest), { recursive: true })
    await store.run(['snapshot'])
    const { stdout } = await store.run(['show', newest()])
    expect(stdout).to.include('a full copy').and.include(`the data of ${oldest}/data are gone`)
  })

  it('it cannot be restored, and the live data stay as they are', async () => {
    const data = walkTree(store.data)
    const finished = await store.run(['restore', gutted, '--yes'])
    expectRefusal(finished, 1, /the data of data in \S+ are gone .*choose another snapshot/)
    expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
  })
})

describe('When a snapshot was removed by rm -rf', () => {
  for (const [index, which] of ['the oldest', 'one in the middle', 'the newest'].entries()) {
    it(`and it was ${which}, the others are whole, and the next one shares files with them`, async () => {
      const store = await makeStore()
      try {
        const names = [await store.snapshot(), await store.snapshot(), await store.snapshot()]
        await store.prelink()
        const [removed = ''] = names.splice(index, 1)
        await rm(join(store.directory, removed), { recursive: true })
        const next = await store.snapshot()
        expect(store.snapshotNames()).to.deep.equal([...names, next])
        for (const name of [...names, next]) {
          expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
        }
        const inodes = [...names, next].map(
          (name) => lstatSync(join(store.dataIn(name), 'hello.txt')).ino,
        )
        expect(new Set(inodes).size).to.equal(1)
      } finally {
        await store.remove()
      }
    })
  }
})
