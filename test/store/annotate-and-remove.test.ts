import { expect } from 'chai'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastDocumentOf } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { plantCopies } from './support/planted-snapshots.ts'

describe('annotate', () => {
  const store = useStore()

  const recordOf = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse((await store.run(['show', name, '--json'])).stdout) as Record<string, unknown>

  it('changes the comment, the pin and the labels, and nothing else', async () => {
    const name = await store.snapshot('-m', 'before', '--label', 'a=1', '--label', 'b=2')
    const before = await recordOf(name)
    const data = walkTree(store.dataIn(name))
    const words = ['-m', 'after', '--pin', '--label', 'b=3', '--unlabel', 'a']
    const { exitCode, stderr } = await store.run(['annotate', name, ...words])
    expect(exitCode, stderr).to.equal(0)
    expect(await recordOf(name)).to.deep.equal({
      ...before,
      comment: 'after',
      pinned: true,
      labels: { b: '3' },
    })
    expect(compareTrees(data, walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('takes pin and comment back, and gives the record', async () => {
    const name = await store.snapshot('-m', 'text', '--pin')
    const finished = await store.run(['annotate', 'latest', '--unpin', '-m', '', '--json'])
    const { snapshot } = lastDocumentOf(finished)
    expect(snapshot).to.include({ name, comment: null, pinned: false })
  })

  it('has a pinned snapshot outlive retention, and an unpinned one not', async () => {
    const [first, second] = [await store.snapshot(), await store.snapshot()]
    await store.run(['annotate', first, '--pin'])
    await store.run(['prune', '--yes'], { env: { SNAP_MAX: '1' } })
    expect(store.snapshotNames()).to.deep.equal([first, second])
    await store.run(['annotate', first, '--unpin'])
    await store.run(['prune', '--yes'], { env: { SNAP_MAX: '1' } })
    expect(store.snapshotNames()).to.deep.equal([second])
  })

  it('refuses what is no label, nothing at all, and both of two', async () => {
    await store.snapshot()
    expectRefusal(await store.run(['annotate', 'latest']), 2, /nothing is to be changed/)
    expectRefusal(await store.run(['annotate', 'latest', '--pin', '--unpin']), 2, /the contrary/)
    expectRefusal(await store.run(['annotate', 'latest', '--unlabel', 'a=1']), 2, /not the key/)
    expectRefusal(await store.run(['annotate', 'other', '--pin']), 1, /other/)
  })

  it('is told by show --log', async () => {
    const name = await store.snapshot()
    await store.run(['annotate', name, '--pin'])
    expect((await store.run(['show', '--log'])).stdout).to.include(`annotate ${name}, by a command`)
  })
})

describe('remove', () => {
  const store = useStore()
  let names: string[]

  beforeEach(async () => {
    const copies = [1, 2, 3].map((day) => `@GMT-2020.01.0${day}-00.00.00`)
    const newest = await store.snapshot()
    await plantCopies(store, newest, copies)
    names = [...copies, newest]
  })

  it('removes one in the middle, and leaves the others as they were', async () => {
    const [first = '', second = '', third = ''] = names
    const others = [first, third].map((name) => walkTree(store.dataIn(name)))
    const { exitCode, stderr } = await store.run(['remove', second, '--yes'])
    expect(exitCode, stderr).to.equal(0)
    expect(store.snapshotNames()).to.deep.equal(names.filter((name) => name !== second))
    const after = [first, third].map((name) => walkTree(store.dataIn(name)))
    expect(after).to.deep.equal(others)
    expect(store.leftIn('trash')).to.deep.equal([])
  })

  it('removes the base, and the next snapshot is exact', async () => {
    await store.run(['remove', 'latest', '--yes'])
    const name = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
  })

  it('removes all but one, several at once, and each only once', async () => {
    const [first = '', ...others] = names
    const finished = await store.run(['remove', ...others, others[0] ?? '', '--yes', '--json'])
    expect(lastDocumentOf(finished)).to.deep.include({
      dryRun: false,
      snapshots: others.map((name) => ({ name, notes: [] })),
    })
    expect(store.snapshotNames()).to.deep.equal([first])
  })

  it('says with --dry-run what it frees and what one loses, and changes nothing', async () => {
    const before = store.published()
    const finished = await store.run(['remove', ...names, '--dry-run', '--json'])
    const { snapshots, freedBytes, bound } = lastDocumentOf(finished)
    expect(freedBytes).to.be.greaterThan(0)
    expect(bound).to.be.oneOf(['exact', 'at-most'])
    expect((snapshots as { notes: string[] }[])[0]?.notes).to.deep.equal([
      'no snapshot of data is left then',
    ])
    expect(compareTrees(before, store.published())).to.deep.equal([])
  })

  it('leaves a pinned one, and those named beside it', async () => {
    const [first = '', second = ''] = names
    await store.run(['annotate', second, '--pin'])
    const finished = await store.run(['remove', first, second, '--yes'])
    expectRefusal(finished, 1, /is pinned: run "snap-volume annotate @\S+ --unpin" first/)
    expect(store.snapshotNames()).to.deep.equal(names)
  })

  it('leaves those that a restore needs which was cut off', async () => {
    const [first = ''] = names
    await shellIn(store.data, 'echo changed > hello.txt')
    await store.run(['restore', first, '--yes'])
    const journal = join(store.directory, '.snap-volume/journal/restore.json')
    const written = JSON.parse(readFileSync(journal, 'utf8')) as { safety: string }
    writeFileSync(journal, JSON.stringify({ ...written, finishedAt: null }))
    for (const name of [first, written.safety]) {
      expectRefusal(await store.run(['remove', name, '--yes']), 1, /a restore needs it/)
    }
  })

  it('removes a damaged one', async () => {
    const [first = ''] = names
    writeFileSync(join(store.directory, first, '.snapshot.json'), 'broken')
    expect((await store.run(['remove', first, '--yes'])).exitCode).to.equal(0)
    expect(store.snapshotNames()).to.not.include(first)
  })

  it('is told by show --log', async () => {
    const [first = ''] = names
    await store.run(['remove', first, '--yes'])
    expect((await store.run(['show', '--log'])).stdout).to.include(`remove, 1 removed (${first})`)
  })
})
