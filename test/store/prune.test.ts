import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type SnapshotRecord, formatRecord, parseRecord } from '../../src/store/record.ts'
import { startDaemon } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { plantCopies } from './support/planted-snapshots.ts'

describe('Retention', () => {
  const store = useStore()

  const prune = (max: number, ...words: string[]) =>
    store.run(['prune', ...words], { env: { SNAP_MAX: String(max) } })

  /** So many snapshots, oldest first; all but the last are copies of it, which takes no seconds. */
  async function snapshots(count: number): Promise<string[]> {
    const newest = await store.snapshot()
    const days = Array.from({ length: count - 1 }, (_, day) => `0${day + 1}`)
    const copies = days.map((day) => `@GMT-2020.01.${day}-00.00.00`)
    await plantCopies(store, newest, copies)
    return [...copies, newest]
  }

  it('keeps the newest SNAP_MAX', async () => {
    const names = await snapshots(3)
    const { exitCode } = await prune(2)
    expect(store.snapshotNames()).to.deep.equal(names.slice(1))
    expect(exitCode).to.equal(0)
  })

  it('is applied after every snapshot', async () => {
    const names = await snapshots(2)
    const { stdout } = await store.run(['snapshot'], { env: { SNAP_MAX: '2' } })
    expect(store.snapshotNames()).to.have.length(2).and.not.include(names[0])
    expect(stdout).to.include('1 older removed')
  })

  it('keeps a pinned snapshot, and does not count it', async () => {
    const [pinned = '', ...names] = await snapshots(4)
    await store.run(['annotate', pinned, '--pin'])
    await prune(2)
    expect(store.snapshotNames()).to.deep.equal([pinned, ...names.slice(1)])
  })

  it('leaves what it keeps as it was', async () => {
    const [, kept = ''] = await snapshots(2)
    const before = walkTree(store.dataIn(kept))
    await prune(1)
    expect(compareTrees(before, walkTree(store.dataIn(kept)))).to.deep.equal([])
  })

  it('gives the space back', async () => {
    await snapshots(2)
    await prune(1)
    expect(store.leftIn('trash')).to.deep.equal([])
  })

  it('changes nothing with --dry-run, and lists every snapshot with the rule that decides', async () => {
    const names = await snapshots(3)
    await store.run(['annotate', names[0] ?? '', '--pin'])
    const before = store.published()
    const { stdout } = await prune(1, '--dry-run')
    const plan = stdout.split('\n').map((line) => line.split(/\s+/).slice(0, 2).join(' '))
    expect(plan.slice(0, 3)).to.deep.equal([
      `keep ${names[0]}`,
      `remove ${names[1]}`,
      `keep ${names[2]}`,
    ])
    expect(stdout).to.include('pinned').and.include('SNAP_MAX')
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })

  it('does with the plan what --dry-run said', async () => {
    await snapshots(2)
    const planned = (await prune(1, '--dry-run')).stdout.replace('would be removed', 'removed')
    expect((await prune(1)).stdout).to.equal(planned)
  })

  it('keeps the safety snapshot of the last restore, so that --undo still works', async () => {
    await store.snapshot()
    await rm(join(store.data, 'hello.txt'))
    const replaced = walkTree(store.data)
    await store.run(['restore', 'latest', '--yes'])
    await store.snapshot()
    await prune(1)
    const { exitCode } = await store.run(['restore', '--undo', '--yes'])
    expect(compareTrees(replaced, walkTree(store.data))).to.deep.equal([])
    expect(exitCode).to.equal(0)
  })

  it('keeps as many safety snapshots as others, and the last one besides', async () => {
    await store.snapshot()
    await store.run(['restore', 'latest', '--yes'])
    const first = store.snapshotNames()[1]
    await store.run(['restore', 'latest', '--yes'])
    await store.run(['restore', 'latest', '--yes'])
    await store.snapshot()
    await prune(1)
    expect(store.snapshotNames()).to.not.include(first)
  })

  it('removes nothing after a run that failed', async () => {
    await snapshots(2)
    await rm(join(store.data, 'hello.txt'))
    const before = store.published()
    const { exitCode } = await store.run(['snapshot'], { env: { SNAP_MAX: '1' } })
    expect(exitCode).to.equal(1)
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })

  it('uses the SNAP_MAX of the last start where the caller names none', async () => {
    const daemon = await store.startDaemon({ env: { SNAP_MAX: '1' } })
    await daemon.stop()
    await store.snapshot()
    await store.snapshot()
    expect(store.snapshotNames()).to.have.length(1)
  })
})

describe('Retention that would remove many at once', () => {
  const store = useStore()

  beforeEach(async () => {
    const copies = [1, 2, 3, 4].map((day) => `@GMT-2020.01.0${day}-00.00.00`)
    await plantCopies(store, await store.snapshot(), copies)
  })

  const run = (words: string[], env: Record<string, string> = {}) =>
    store.run(words, { env: { SNAP_MAX: '2', ...env } })

  it('waits, after a snapshot and by prune, and says for what', async () => {
    const taken = await run(['snapshot'])
    expect(taken.exitCode).to.equal(3)
    expect(taken.stderr).to.match(
      /warning: nothing was removed, .* 4 of 6 snapshots at once: look at/,
    )
    const pruned = await run(['prune'])
    expect(pruned.exitCode).to.equal(1)
    expect(pruned.stderr).to.match(
      /^snap-volume: nothing was removed, .*"snap-volume prune --yes"/m,
    )
    expect(store.snapshotNames()).to.have.length(6)
  })

  it('is done by prune --yes, and nothing waits after it', async () => {
    expect((await run(['prune', '--yes'])).exitCode).to.equal(0)
    expect(store.snapshotNames()).to.have.length(2)
    expect((await run(['snapshot'])).exitCode).to.equal(0)
    expect(store.snapshotNames()).to.have.length(2)
  })

  it('never waits with SNAP_PRUNE=always', async () => {
    const { exitCode, stdout } = await run(['snapshot'], { SNAP_PRUNE: 'always' })
    expect(exitCode).to.equal(0)
    expect(stdout).to.include('4 older removed')
  })

  it('is told by a plan', async () => {
    const { stdout } = await run(['prune', '--dry-run', '--json'])
    expect(JSON.parse(stdout)).to.include({ dryRun: true, waits: true })
  })
})

describe('prune --dry-run', () => {
  const store = useStore()

  beforeEach(async () => {
    const copies = [1, 2, 3].map((day) => `@GMT-2020.01.0${day}-00.00.00`)
    await plantCopies(store, await store.snapshot(), copies)
  })

  it('tries other rules, and changes nothing', async () => {
    const { stdout } = await store.run(['prune', '--dry-run', '--keep-daily', '2', '--json'], {
      env: { SNAP_KEEP_LAST: '9', SNAP_MAX: '9' },
    })
    const { plan } = JSON.parse(stdout) as { plan: { keep: boolean; reason: string }[] }
    expect(plan.map(({ keep }) => keep)).to.deep.equal([false, false, true, true])
    expect(plan[2]?.reason).to.equal('daily 2 of 2')
    expect(store.snapshotNames()).to.have.length(4)
  })

  it('shows what would be there on a day to come', async () => {
    const year = new Date().getUTCFullYear() + 2
    const until = `${year}-06-30`
    const words = ['prune', '--dry-run', '--keep-yearly', '3', '--until', until]
    const { stdout, stderr } = await store.run(words)
    expect(stdout, stderr).to.match(
      new RegExp(`keep +@GMT-${year}\\.06\\.30-03.00.00 +yearly 1 of 3`),
    )
    expect(stdout).to.match(new RegExp(`on ${until}: \\d there, about .* more snapshots; \\d of`))
    expect(store.snapshotNames()).to.have.length(4)
  })

  it('is needed to try other rules', async () => {
    const { exitCode, stderr } = await store.run(['prune', '--keep-daily', '2'])
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('--keep-daily only shows what would be: add --dry-run')
  })

  it('refuses what is no day, and a day too far off', async () => {
    const soon = await store.run(['prune', '--dry-run', '--until', 'soon'])
    expect(soon.stderr).to.match(/--until is "soon": name a day, such as/)
    const far = await store.run(['prune', '--dry-run', '--until', '2999-01-01'])
    expect(far.stderr).to.match(/more than \d+ runs until then: name an earlier day/)
  })
})

describe('start with another SNAP_MAX', () => {
  let store: TestStore

  before(async () => {
    store = await makeStore()
    const copies = [1, 2, 3, 4, 5].map((day) => `@GMT-2020.01.0${day}-00.00.00`)
    await plantCopies(store, await store.snapshot(), copies)
  })

  after(() => store.remove())

  async function saidWith(max: number): Promise<string | undefined> {
    const daemon = await store.startDaemon({ env: { SNAP_MAX: String(max) } })
    await daemon.stop()
    return / warn +(.*SNAP_MAX.*)/.exec(daemon.output())?.[1]
  }

  it('says how many snapshots the next one will remove, and removes none before', async () => {
    expect(await saidWith(2)).to.match(/^the next snapshot removes 5 of the 6 .* SNAP_MAX is 2/)
    expect(await saidWith(5)).to.match(/^the next snapshot removes 2 of the 6 /)
    expect(store.snapshotNames()).to.have.length(6)
  })

  it('says nothing where no more than one goes', async () => {
    expect([await saidWith(7), await saidWith(6)]).to.deep.equal([undefined, undefined])
  })
})

describe('start with another SNAP_MAX, said before the next snapshot,', () => {
  it('names as many as that one removes', async () => {
    const store = await makeStore({ env: { SNAP_MAX: '3' } })
    try {
      const copies = [1, 2, 3].map((day) => `@GMT-2020.01.0${day}-00.00.00`)
      await plantCopies(store, await store.snapshot(), copies)
      const daemon = await store.startDaemon()
      await daemon.stop()
      const removes = / removes (\d+) of the 4 /.exec(daemon.output())?.[1]
      await store.snapshot()
      expect(store.snapshotNames()).to.have.length(4 + 1 - Number(removes))
    } finally {
      await store.remove()
    }
  })
})

describe('Retention of a volume that is not configured any more', () => {
  const store = useStore()

  beforeEach(async () => {
    await shellIn('/', `mkdir ${store.data}.mail; echo letter > ${store.data}.mail/letter`)
  })

  async function configure(...specs: string[]): Promise<void> {
    const daemon = await startDaemon(specs, { env: store.env })
    await daemon.stop()
  }

  async function flag(name: string, warning: SnapshotRecord['warnings'][number]): Promise<void> {
    const file = join(store.directory, name, '.snapshot.json')
    const record = parseRecord(await readFile(file, 'utf8'))
    await writeFile(file, formatRecord({ ...record, warnings: [warning] }))
  }

  const prune = (...words: string[]) => store.run(['prune', ...words], { env: { SNAP_MAX: '1' } })

  it('keeps its newest snapshot, for whatever volume all of them are flagged', async () => {
    await configure(store.spec, `mail:${store.data}.mail`)
    const names = [await store.snapshot(), await store.snapshot()]
    const [, newer = ''] = names
    for (const name of names) await flag(name, { code: 'vanished', message: 'x', volume: 'data' })
    await configure(store.spec)
    const newest = await store.snapshot()
    expect((await prune('--dry-run')).stdout).to.include(`keep    ${newer}  the newest of mail\n`)
    await prune()
    expect(store.snapshotNames()).to.deep.equal([newer, newest])
  })

  it('keeps its newest one without warnings too', async () => {
    await configure(store.spec, `mail:${store.data}.mail`)
    const names = [await store.snapshot(), await store.snapshot(), await store.snapshot()]
    const [, good = '', flagged = ''] = names
    await flag(flagged, { code: 'vanished', message: 'x', volume: 'mail' })
    await flag(good, { code: 'vanished', message: 'x', volume: 'data' })
    await configure(store.spec)
    const newest = await store.snapshot()
    const { stdout } = await prune('--dry-run')
    expect(stdout).to.include(`keep    ${good}  the newest of mail without warnings\n`)
    await prune()
    expect(store.snapshotNames()).to.deep.equal([good, flagged, newest])
  })
})
