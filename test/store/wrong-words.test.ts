import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { expect } from 'chai'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeStore, makeUnconfiguredStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('Wrong words change nothing and are refused in one line:', () => {
  let store: TestStore

  before(async () => {
    store = await makeStore()
    await store.snapshot()
    await store.snapshot()
  })

  after(() => store.remove())

  const refusals: [words: string[], exitCode: number, message: RegExp][] = [
    [['restore', '@GMT-2001.01.01-00.00.00'], 1, /there is no snapshot .*see "snap-volume show"/],
    [['restore', 'nonsense'], 1, /there is no snapshot "nonsense".*see "snap-volume show"/],
    [['restore', '@GMT-20'], 1, /"@GMT-20" fits 2 snapshots, .*write more of the name/],
    [['restore', 'latest~2'], 1, /there is no latest~2: without safety snapshots the store has 2/],
    [['restore', '2001-01-01'], 1, /there is no snapshot at or before 2001.*the oldest is @GMT/],
    [['restore', ''], 2, /which snapshot\? Name one/],
    [['restore'], 2, /which snapshot\? Name one/],
    [['restore', '../../etc'], 1, /there is no snapshot/],
    [['restore', 'latest', '--volume', 'other'], 2, /no volume "other": configured are data/],
    [['restore', 'latest', '--undo'], 2, /--undo goes back as a whole/],
    [['restore', '--undo'], 1, /there is no restore to undo, .*: name a snapshot to restore/],
    [['restore', 'latest', 'earlier'], 1, /has nothing at earlier/],
    [['restore', 'latest', '/etc/passwd'], 2, /is in no volume/],
    [['restore', 'latest', 'data:[z'], 2, /data:\[z fits nothing, .*: write \\\[ for/],
    [['restore', 'latest', 'data:x* '], 2, /fits nothing, because it begins or ends with/],
    [['restore', 'latest', 'data:odd\ufffd'], 2, /bytes that are no UTF-8: write \? for each/],
    [['restore', 'latest', '--', '-n'], 1, /has nothing at -n/],
    [['restore', '--continue'], 1, /no restore to continue, .*: name a snapshot to restore/],
    [['find', '[z'], 2, /\[z fits nothing, because it has a \[ without its \]: write/],
    [['find', 'odd\ufffd'], 2, /bytes that are no UTF-8: write \? for each/],
    [['history', 'data:[z'], 2, /\[z fits nothing, because/],
    [['history', 'data:a/odd\ufffd'], 2, /bytes that are no UTF-8: write \? for each/],
    [['restore', 'latest', '--volume'], 2, /see "snap-volume restore --help"/],
    [['show', 'nonsense'], 1, /there is no snapshot "nonsense"/],
    [['snapshot', '--label', 'novalue'], 2, /is not a label: write KEY=VALUE/],
    [['snapshot', '--label', '=x'], 2, /is not a label: write KEY=VALUE/],
    [['snapshot', 'extra'], 2, /unknown: extra/],
    [['snapshot', '--fast'], 2, /unknown: fast/],
    [['snapshot', '-m'], 2, /see "snap-volume snapshot --help"/],
    [['prune', '--dryrun'], 2, /unknown: dryrun/],
    [['subvolume', '--yes'], 2, /an argument is missing: see "snap-volume subvolume --help"/],
    [['subvolume', 'data:relative', '--yes'], 2, /the path in "data:relative" must be absolute/],
    [['destroy'], 2, /there is no command "destroy": there are start, help, /],
  ]

  for (const [words, exitCode, message] of refusals) {
    it(`snap-volume ${words.map((word) => word || "''").join(' ')}`, async () => {
      const data = walkTree(store.data)
      const published = store.published()
      expectRefusal(await store.run(words), exitCode, message)
      expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
      expect(compareTrees(published, store.published())).to.deep.equal([])
    })
  }

  it('a comment given twice is not dropped in silence', async () => {
    const { exitCode, stdout } = await store.run(['snapshot', '-m', 'one', '-m', 'two', '--json'])
    if (exitCode === 0) expect(stdout).to.match(/"comment":"(one )?two"/)
    else expect(exitCode).to.equal(2)
  })
})

describe('Without a store', () => {
  let store: TestStore

  before(async () => {
    store = await makeUnconfiguredStore()
  })

  after(() => store.remove())

  const needing = [
    ['snapshot'],
    ['restore', 'latest'],
    ['prune'],
    ['subvolume', 'data', '--yes'],
    ['show'],
    ['show', '-a'],
  ]
  for (const words of needing) {
    it(`${words.join(' ')} says how to reach one, and makes none`, async () => {
      expectRefusal(await store.run(words), 1, /there is no store at \S+: run with --volumes-from/)
      expect(existsSync(store.directory)).to.equal(false)
    })
  }

  for (const words of [['help'], ['help', 'restore'], ['version'], ['snapshot', '--help']]) {
    it(`${words.join(' ')} works`, async () => {
      const { exitCode, stderr } = await store.run(words)
      expect(stderr).to.equal('')
      expect(exitCode).to.equal(0)
    })
  }
})

describe('A store without a configuration', () => {
  for (const words of [['snapshot'], ['restore', 'latest'], ['prune']]) {
    it(`makes ${words.join(' ')} say that start has to be run once`, async () => {
      const store = await makeStore()
      try {
        await rm(`${store.directory}/.snap-volume/config.json`)
        const finished = await store.run(words)
        expectRefusal(finished, 1, /no configuration yet: run "snap-volume start ID:PATH" on it/)
      } finally {
        await store.remove()
      }
    })
  }

  it('makes a plain directory say that it is none yet', async () => {
    const store = await makeUnconfiguredStore()
    try {
      const finished = await store.run(['show'], { env: { SNAP_DIR: store.data } })
      expectRefusal(finished, 1, /is not a store yet: run "snap-volume start ID:PATH" on it once/)
    } finally {
      await store.remove()
    }
  })
})
