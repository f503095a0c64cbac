import { expect } from 'chai'
import type { DoctorFinding } from '../../src/actions/doctor/finding.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { plantCopies } from './support/planted-snapshots.ts'

const older = '@GMT-2020.01.01-00.00.00'
const good = '@GMT-2020.01.02-00.00.00'

/**
 * By what was done to the newest snapshots: their names, how, and how a restore of them is refused.
 */
const damages: [what: string, name: string, script: string, refusal: RegExp][] = [
  [
    'whose data are gone',
    '@GMT-2020.02.01-00.00.00',
    'rm -r data',
    /the data of data in \S+ are gone/,
  ],
  [
    'whose data are a file now',
    '@GMT-2020.02.02-00.00.00',
    'rm -r data; echo x > data',
    /the data of data in \S+ are gone/,
  ],
  [
    'whose data are a link now',
    '@GMT-2020.02.03-00.00.00',
    'mv data ../elsewhere; ln -s ../elsewhere data',
    /the data of data in \S+ are gone/,
  ],
  [
    'whose record is gone',
    '@GMT-2020.02.04-00.00.00',
    'rm .snapshot.json',
    /record of \S+ is damaged .*can be copied by hand/,
  ],
  [
    'whose data were emptied',
    '@GMT-2020.02.05-00.00.00',
    'rm -r data/*',
    /the data of data in \S+ are gone .*record counts 1/,
  ],
]
const damagedNames = damages.map(([, name]) => name)

describe('A snapshot that somebody damaged', () => {
  let store: TestStore

  before(async () => {
    store = await makeStore()
    const first = await store.snapshot()
    await plantCopies(store, first, [older, good, ...damagedNames])
    await shellIn(store.directory, `rm -r ${first}`)
    for (const [, name, script] of damages) await shellIn(`${store.directory}/${name}`, script)
  })

  after(() => store.remove())

  it('is shown as damaged, and not among the good ones', async () => {
    const document = lastDocumentOf(await store.run(['show', '--json']))
    const names = (key: string): string[] =>
      (document[key] as { name: string }[]).map(({ name }) => name)
    expect(names('snapshots')).to.deep.equal([older, good])
    expect(names('damaged').toSorted()).to.deep.equal(damagedNames)
    const { stdout } = await store.run(['show'])
    for (const name of damagedNames) {
      expect(stdout).to.match(
        new RegExp(`^warning: .*${name} is damaged .*rm -rf \\S+${name}`, 'm'),
      )
    }
  })

  it('is a warning of status, which does not count it', async () => {
    const document = lastDocumentOf(await store.run(['status', '--json']))
    const problems = document['problems'] as { code: string; level: string; message: string }[]
    const damaged = problems.filter(({ code }) => code === 'damaged')
    for (const name of damagedNames) {
      expect(damaged.filter(({ message }) => message.includes(name))).to.have.length(1)
    }
    expect(document['snapshots']).to.deep.equal({ count: 2, oldest: older, newest: good })
  })

  it('is a problem of doctor', async () => {
    const document = lastDocumentOf(await store.run(['doctor', '--json']))
    const found = (document['findings'] as DoctorFinding[]).filter(
      ({ subject, level }) => subject === 'snapshots' && level === 'problem',
    )
    expect(found).to.have.length(damages.length)
  })

  for (const [what, name, , refusal] of damages) {
    it(`${what} is refused by a restore, and the live data stay as they are`, async () => {
      const data = walkTree(store.data)
      expectRefusal(await store.run(['restore', name, '--yes']), 1, refusal)
      expectRefusal(await store.run(['restore', name.slice(0, -9), '--yes']), 1, refusal)
      expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
    })
  }

  it('takes no place of a good one from retention, nor is it removed', async () => {
    await store.run(['prune'], { env: { SNAP_MAX: '2' } })
    expect(store.snapshotNames()).to.deep.equal([older, good, ...damagedNames])
    const plan = lastDocumentOf(
      await store.run(['prune', '--dry-run', '--json'], { env: { SNAP_MAX: '1' } }),
    )
    expect(plan['plan']).to.deep.include.members([
      { name: older, keep: false, reason: 'older than the newest 1 (SNAP_MAX)' },
    ])
  })

  it('is not what latest means', async () => {
    const { stdout } = await store.run(['show', 'latest', '--json'])
    expect(JSON.parse(stdout)).to.include({ name: good })
  })

  it('is an empty one too, for a restore', async () => {
    await shellIn(store.dataIn(good), 'rm -r ./*')
    const data = walkTree(store.data)
    expectRefusal(
      await store.run(['restore', good, '--yes']),
      1,
      /the data of data in \S+ are gone .*record counts 1/,
    )
    expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
  })
})
