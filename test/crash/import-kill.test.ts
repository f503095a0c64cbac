import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { launchCli } from '../support/cli.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { archivesIn, expectSame, exportTo, useDirectory } from '../store/support/archives.ts'
import { randomOf, seed } from './support/random.ts'

const kills = roundsOf(60, 6)
const generations = 3

describe('SIGKILL at a random instant of an import', function () {
  this.timeout(600_000)
  const out = useDirectory()

  it(`leaves whole snapshots alone, ${kills} times (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    await using stores = new AsyncDisposableStack()
    const made = async (): Promise<TestStore> =>
      stores.adopt(await makeStore(), async (store) => store.remove())
    const store = await made()
    await growAndExport(store, out.path)

    const random = randomOf('import')
    let usualMs = 1500
    let killed = 0
    for (let round = 0; round < kills; round += 1) {
      const other = await made()
      const begun = performance.now()
      const running = launchCli(['import', ...archivesIn(out.path)], { env: other.env })
      const isEnded = await Promise.race([
        sleep(usualMs * random(), false),
        running.end().then(() => true),
      ])
      running.signal('SIGKILL')
      await running.end()
      if (isEnded) usualMs = Math.min(usualMs, performance.now() - begun)
      else killed += 1

      await checkWhole(store, other)
      const again = await other.run(['import', ...archivesIn(out.path)])
      expect(again.exitCode, again.stderr).to.equal(0)
      expect(other.snapshotNames()).to.deep.equal(store.snapshotNames())
      await checkWhole(store, other)
      expect(other.leftIn('staging')).to.deep.equal([])
    }
    expect(killed).to.be.at.least(kills / 3)
  })
})

async function growAndExport(store: TestStore, directory: string): Promise<void> {
  await shellIn(
    store.data,
    `mkdir -p a b; for i in $(seq 800); do echo "$i" > a/$i; done; ln a/1 b/one
    head -c 4000000 /dev/urandom > large`,
  )
  for (let generation = 0; generation < generations; generation += 1) {
    await shellIn(
      store.data,
      `mv a/${generation + 2} b/; rm -f a/${generation + 20}; echo new > a/new-${generation}
      printf changed | dd of=large bs=1 seek=$((${generation} * 1000000)) conv=notrunc status=none`,
    )
    await exportTo(store, directory, await store.snapshot(), '--full-every', '30')
  }
}

/** What is visible is the beginning of the chain, and each of it as it was. */
async function checkWhole(store: TestStore, other: TestStore): Promise<void> {
  const names = other.snapshotNames()
  expect(names).to.deep.equal(store.snapshotNames().slice(0, names.length))
  for (const name of names) expectSame(store.dataIn(name), other.dataIn(name))
  const shown = await other.run(['show', '--json'])
  expect(shown.exitCode, shown.stderr).to.equal(0)
}
