import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { howOften, sample } from '../support/sample.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type UntrustedVolume, exchanged, untrustedPlaces } from './support/untrusted-volumes.ts'

const places = sample(untrustedPlaces, howOften(untrustedPlaces.length, 2), 'untrusted')

for (const { title, isReadOnly = false, hasChangeTimes = false, open } of places) {
  describe(`Of data on ${title}, a content that kept inode, size and times (engine link)`, () => {
    let volume: UntrustedVolume | undefined
    let store: TestStore

    const show = async (content: string): Promise<void> => volume?.show(store, content)

    before(async function () {
      volume = await open(this)
    })

    beforeEach(async () => {
      const dataOn = volume?.dataOn
      store = await makeStore({
        ...(dataOn === undefined ? {} : { dataOn }),
        env: { SNAP_ENGINE: 'link' },
      })
      await show('first')
      await untilAllIsOld(store.data)
    })

    afterEach(async () => {
      await volume?.close(store)
      await store.remove()
    })

    after(() => volume?.remove())

    it(hasChangeTimes ? 'is no reason to read all' : 'is told of before it matters', async () => {
      const told = /does not tell when a file was changed, so each snapshot reads all contents/
      const outputs = []
      for (const words of [['show', '-a'], ['doctor'], ['snapshot']]) {
        const { stdout, stderr } = await store.run(words)
        outputs.push(stdout + stderr)
      }
      const saying = outputs.filter((output) => told.test(output.replaceAll(/\s+/g, ' ')))
      expect(saying).to.have.length(hasChangeTimes ? 0 : 3)
    })

    const preparations: [when: string, prepare: () => Promise<void>][] = [
      ['without a copy made in advance', () => Promise.resolve()],
    ]
    // elsewhere nothing can be proven, so none is made
    if (hasChangeTimes) preparations.push(['with a copy made in advance', () => store.prelink()])
    for (const [when, prepare] of preparations) {
      it(`is captured by the next snapshot, ${when}`, async () => {
        const before = await store.snapshot()
        await prepare()
        await show('other')
        const next = await store.snapshot()
        expect([contentIn(store.dataIn(before)), contentIn(store.dataIn(next))]).to.deep.equal([
          'first',
          'other',
        ])
      })

      if (isReadOnly) continue

      it(`gives its place to the old one in a restore, which keeps it, ${when}`, async () => {
        const before = await store.snapshot()
        await prepare()
        await show('other')
        const { exitCode, stderr } = await store.run(['restore', before, '--yes'])
        expect(exitCode, stderr).to.equal(0)
        expect(contentIn(store.data), 'live').to.equal('first')
        const safety = store.snapshotNames().at(-1) ?? ''
        expect(contentIn(store.dataIn(safety)), 'safety snapshot').to.equal('other')
        expect(contentIn(store.dataIn(before)), 'snapshot').to.equal('first')
      })
    }
  })
}

function contentIn(tree: string): string {
  return readFileSync(join(tree, exchanged), 'latin1').trimEnd()
}
