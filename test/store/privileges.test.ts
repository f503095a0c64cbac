import { existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeStore, makeUnconfiguredStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
const withoutCapabilities = ['setpriv', '--bounding-set=-all', '--inh-caps=-all']
const withoutFsetid = ['setpriv', '--bounding-set=-fsetid', '--inh-caps=-fsetid']

describe('Without the rights of root', () => {
  let store: TestStore

  beforeEach(async () => {
    // for everybody to reach, which the directory of the tests is not
    store = await makeStore({ on: '/var/tmp' })
    await chmod(join(store.directory, '..'), 0o755)
    await store.snapshot()
  })

  afterEach(() => store.remove())

  const changing = [
    ['snapshot'],
    ['restore', 'latest', '--yes'],
    ['prune'],
    ['subvolume', 'data', '--yes'],
  ]
  for (const words of changing) {
    it(`another user’s ${words[0]} is refused, names the capabilities, and changes nothing`, async () => {
      const data = walkTree(store.data)
      const published = store.published()
      const finished = await store.run(words, { through: asNobody })
      expectRefusal(finished, 1, /CHOWN, DAC_OVERRIDE.*run as root, in Docker with --cap-add CHOWN/)
      expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
      expect(compareTrees(published, store.published())).to.deep.equal([])
    })
  }

  it('another user’s show lists the snapshots, or says to be run as root', async () => {
    const { stdout, stderr } = await store.run(['show'], { through: asNobody })
    expect(stdout + stderr).to.match(/@GMT-|run as root/)
    expect(stderr).to.not.include('not foreseen')
  })

  it('another user’s show of a store that is closed to him says to be run as root', async () => {
    await chmod(join(store.directory, '..'), 0o700)
    expectRefusal(await store.run(['show'], { through: asNobody }), 1, /\S+store.* run as root/)
  })

  it('root without capabilities is refused', async () => {
    const finished = await store.run(['snapshot'], { through: withoutCapabilities })
    expectRefusal(finished, 1, /without the capabilities CHOWN, .*SETFCAP/)
  })

  it('root without one of them is refused, and told which', async () => {
    const finished = await store.run(['snapshot'], { through: withoutFsetid })
    expectRefusal(finished, 1, /without the capability FSETID: .*--cap-add FSETID$/)
  })
})

describe('start without the rights of root', () => {
  it('is refused and makes no store', async () => {
    const store = await makeUnconfiguredStore()
    try {
      const finished = await store.run(['start', store.spec], { through: withoutCapabilities })
      expectRefusal(finished, 1, /owners and modes cannot be kept without/)
      expect(existsSync(store.directory)).to.equal(false)
    } finally {
      await store.remove()
    }
  })
})
