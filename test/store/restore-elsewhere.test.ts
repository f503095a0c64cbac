import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { startDaemon } from '../support/cli.ts'
import { mountTmpfs } from '../support/mounts.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A restore goes where the data were', () => {
  const store = useStore()

  async function start(...specs: string[]): Promise<void> {
    await (await startDaemon(specs, { env: store.env })).stop()
  }

  it('and is refused where the volume was mounted and is not now', async () => {
    const volume = await mountTmpfs('size=4m')
    await start(`data:${volume.path}`)
    await writeFile(join(volume.path, 'file'), 'on the volume\n')
    await store.snapshot()
    await shellIn('/', `umount ${volume.path}`)
    const finished = await store.run(['restore', 'latest', '--yes'])
    expectRefusal(finished, 1, /nothing is mounted at .*; mount it/)
    expect(store.snapshotNames()).to.have.length(1)
    await shellIn('/', `rmdir ${volume.path}`)
  })

  it('and --undo is refused when another volume is there now', async () => {
    const first = await store.snapshot()
    await writeFile(join(store.data, 'hello.txt'), 'changed\n')
    expect((await store.run(['restore', first, '--yes'])).exitCode).to.equal(0)
    const moved = `${store.data}.moved`
    await mkdir(moved)
    await writeFile(join(moved, 'hello.txt'), 'moved\n')
    await start(`web:${store.data}`, `data:${moved}`)
    const before = [walkTree(store.data), walkTree(moved)] as const
    const finished = await store.run(['restore', '--undo', '--yes'])
    expectRefusal(finished, 1, /cannot be undone: it was into .*, and data is .* now/)
    expect(compareTrees(before[0], walkTree(store.data))).to.deep.equal([])
    expect(compareTrees(before[1], walkTree(moved))).to.deep.equal([])
  })

  /** A restore that was cut off, of a volume that is elsewhere now, or nowhere. */
  async function cutOffThenStart(...specs: string[]): Promise<string> {
    const name = await store.snapshot()
    await writeFile(join(store.data, 'hello.txt'), 'changed\n')
    expect((await store.run(['restore', name, '--yes'])).exitCode).to.equal(0)
    const journal = JSON.parse(await readFile(journalFile(), 'utf8')) as object
    await writeFile(journalFile(), JSON.stringify({ ...journal, finishedAt: null }))
    await start(...specs)
    expectRefusal(await store.run(['snapshot']), 1, /was cut off .* the live data are a mixture/)
    expectRefusal(await store.run(['restore', '--undo', '--yes']), 1, /start it as data:.* again/)
    return name
  }

  const journalFile = (): string => join(store.directory, '.snap-volume/journal/restore.json')

  it('and one that was cut off can be finished where the volume is now', async () => {
    const moved = `${store.data}.moved`
    await mkdir(moved)
    await writeFile(join(moved, 'hello.txt'), 'moved\n')
    const name = await cutOffThenStart(`data:${moved}`)
    const finished = await store.run(['restore', name, '--volume', 'data', '--yes'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    expect(await readFile(join(moved, 'hello.txt'), 'utf8')).to.equal('hello\n')
    await store.snapshot()
  })

  it('and one that was cut off, of a volume that is gone for good, can be forgotten', async () => {
    const other = `${store.data}.other`
    await mkdir(other)
    await writeFile(join(other, 'file'), 'file\n')
    await cutOffThenStart(`other:${other}`)
    const { stderr } = await store.run(['restore', '--undo', '--yes'])
    expect(stderr).to.include(`move ${journalFile()} away`)
    await rename(journalFile(), `${store.directory}.away`)
    await store.snapshot()
  })

  it('and trying one snapshot after the other keeps them all', async () => {
    const env = { ...store.env, SNAP_MAX: '3' }
    const good: string[] = []
    for (const text of ['one', 'two', 'three']) {
      await writeFile(join(store.data, 'hello.txt'), `${text}\n`)
      good.push(await store.snapshot())
    }
    for (const name of good) {
      expect((await store.run(['restore', name, '--yes'])).exitCode).to.equal(0)
    }
    await store.run(['prune'], { env })
    expect(store.snapshotNames()).to.include.members(good)
  })

  it('and another application that starts on the store is warned, and prunes the last of nobody', async () => {
    const first = await store.snapshot()
    const other = `${store.data}.other`
    await mkdir(other)
    await writeFile(join(other, 'file'), 'of another application\n')
    const daemon = await startDaemon([`other:${other}`], { env: { ...store.env, SNAP_MAX: '1' } })
    await daemon.stop()
    expect(daemon.output()).to.include('is not configured now')
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    expect(store.snapshotNames()).to.include(first)
  })
})
