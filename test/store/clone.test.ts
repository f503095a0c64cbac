import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { growAwkwardTree } from '../support/awkward-tree.ts'
import { documentsOf, lastDocumentOf } from '../support/cli.ts'
import { mountFuseFilesystem } from '../support/fuse-filesystem.ts'
import type { FilesystemType } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

interface Made {
  clone: { name: string; method: string; snapshot: string }
  command: string
  cost: { bytesNow: number; bytesAtMost: number }
}

/** A name that no Docker volume has, should there be an Engine on this machine. */
function newName(): string {
  return `snap-volume-test-${randomUUID()}`
}

async function clone(store: TestStore, ...words: string[]): Promise<Made> {
  const finished = await store.run(['clone', ...words, '--json'])
  expect(finished.exitCode, finished.stderr + finished.stdout).to.equal(0)
  return lastDocumentOf(finished) as unknown as Made
}

async function remove(store: TestStore, name: string): Promise<void> {
  const { exitCode, stderr } = await store.run(['clone', 'remove', name, '--force', '--yes'])
  expect(exitCode, stderr).to.equal(0)
}

function dataOf(store: TestStore, name: string): string {
  return join(store.directory, '.snap-volume/clones', name, 'data')
}

/** A loop filesystem of its own for the store and its data. */
function useStoreOn(type: FilesystemType): { store: TestStore } {
  const used = {} as { store: TestStore }
  let release: () => Promise<void>
  before(async function () {
    const filesystem = await loopOrSkip(this, type)
    release = () => filesystem.remove()
    used.store = await makeStore({ on: filesystem.path })
  })
  after(async () => release?.())
  return used
}

describe('A clone', function () {
  this.timeout(120_000)

  for (const type of ['xfs', 'btrfs'] as const) {
    describe(`on ${type}`, () => {
      const used = useStoreOn(type)

      it('has all that its snapshot has, by reflinks, and never writes to it', async () => {
        const { store } = used
        await growAwkwardTree(store.data)
        await shellIn(store.data, 'head -c 8M /dev/urandom > large')
        const name = await store.snapshot()
        const snapshot = walkTree(store.dataIn(name))
        const made = await clone(store, name, newName())
        expect(made.clone.method).to.equal('reflink')
        const data = dataOf(store, made.clone.name)
        expect(compareTrees(snapshot, walkTree(data))).to.deep.equal([])

        await shellIn(data, 'echo changed >> large; rm hello.txt; echo new > new')
        expect(compareTrees(snapshot, walkTree(store.dataIn(name)))).to.deep.equal([])
        await remove(store, made.clone.name)
        expect(readdirSync(join(store.directory, '.snap-volume/clones'))).to.deep.equal([])
      })
    })
  }

  describe('of a subvolume on btrfs', () => {
    const used = useStoreOn('btrfs')

    it('is a snapshot of the subvolume, and goes the whole way', async () => {
      const { store } = used
      const { exitCode, stderr } = await store.run(['subvolume', 'data', '--yes'])
      expect(exitCode, stderr).to.equal(0)
      const name = await store.snapshot()
      const made = await clone(store, 'latest', newName())
      expect(made.clone.method).to.equal('btrfs')
      await shellIn(dataOf(store, made.clone.name), 'echo changed > hello.txt; echo new > new')

      const other = await clone(store, made.clone.name, newName())
      expect(
        compareTrees(
          walkTree(dataOf(store, made.clone.name)),
          walkTree(dataOf(store, other.clone.name)),
        ),
      ).to.deep.equal([])
      await remove(store, made.clone.name)
      expectRefusal(
        await store.run(['remove', name, '--yes']),
        1,
        /needs it: run "snap-volume clone remove"/,
      )

      const promoted = await store.run(['clone', 'promote', other.clone.name, '--yes'])
      expect(promoted.exitCode, promoted.stderr).to.equal(0)
      expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('changed\n')
      expect((await store.run(['restore', '--undo', '--yes'])).exitCode).to.equal(0)
      expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('hello\n')
      await remove(store, other.clone.name)
    })
  })

  describe('on bindfs', () => {
    it('is a copy, which costs what it holds', async function () {
      const filesystem = await mountFuseFilesystem('bindfs')
      const store = await makeStore({ on: filesystem.path })
      try {
        await store.snapshot()
        const made = await clone(store, 'latest', newName())
        expect(made.clone.method).to.equal('copy')
        expect(made.cost.bytesNow).to.equal(6)
        expect(
          compareTrees(
            walkTree(store.dataIn(made.clone.snapshot)),
            walkTree(dataOf(store, made.clone.name)),
          ),
        ).to.deep.equal([])
        await remove(store, made.clone.name)
      } finally {
        await store.remove()
        await filesystem.remove()
      }
    })
  })

  describe('on ext4', () => {
    const used = useStoreOn('ext4')

    it('is an overlay, whose Docker volume is said, and which mounts as it is said', async () => {
      const { store } = used
      await growAwkwardTree(store.data)
      const name = await store.snapshot()
      const made = await clone(store, name, newName())
      expect(made.clone.method).to.equal('overlay')

      const options = /--opt (?:'o=([^']+)'|o=(\S+))/.exec(made.command)
      const mountPoint = join(store.directory, '../mounted')
      await mkdir(mountPoint)
      await execa('mount', [
        '-t',
        'overlay',
        'overlay',
        '-o',
        options?.[1] ?? options?.[2] ?? '',
        mountPoint,
      ])
      try {
        const snapshot = walkTree(store.dataIn(name))
        expect(compareTrees(snapshot, walkTree(mountPoint))).to.deep.equal([])
        await shellIn(mountPoint, 'echo changed > hello.txt; echo new > new')
        expect(compareTrees(snapshot, walkTree(store.dataIn(name)))).to.deep.equal([])
      } finally {
        await execa('umount', [mountPoint])
      }

      expectRefusal(
        await store.run(['clone', 'snapshot', made.clone.name]),
        1,
        /is an overlay, which Docker has to mount/,
      )
      expectRefusal(await store.run(['remove', name, '--yes']), 1, /the clone \S+ needs it/)
      await remove(store, made.clone.name)
      expect((await store.run(['remove', name, '--yes'])).exitCode).to.equal(0)
    })

    it('says with --dry-run by which way and what it takes, and makes nothing', async () => {
      const { store } = used
      await store.snapshot()
      const { exitCode, stdout } = await store.run(['clone', 'latest', newName(), '--dry-run'])
      expect(exitCode).to.equal(0)
      expect(stdout).to.match(
        /by overlay; it takes nothing now; a file that is opened for writing is copied as a whole first/,
      )
      expect(
        existsSync(join(store.directory, '.snap-volume/clones'))
          ? readdirSync(join(store.directory, '.snap-volume/clones'))
          : [],
      ).to.deep.equal([])
    })
  })

  describe('that has data of its own', () => {
    const used = useStoreOn('xfs')
    let name: string
    let snapshot: string

    beforeEach(async () => {
      const { store } = used
      writeFileSync(join(store.data, 'hello.txt'), 'hello\n')
      await shellIn(store.data, 'mkdir -p some; echo one > some/one; echo two > some/two')
      snapshot = await store.snapshot()
      name = newName()
      await clone(store, snapshot, name)
      await shellIn(dataOf(store, name), 'echo changed > some/one; rm some/two; echo new > new')
    })
    afterEach(async () => {
      const { store } = used
      for (const one of ((await clone(store, 'list')) as unknown as { clones: { name: string }[] })
        .clones) {
        await remove(store, one.name)
      }
    })

    it('keeps its snapshot from retention, removal and another name', async () => {
      const { store } = used
      await store.snapshot()
      const pruned = await store.run(['prune', '--yes'], { env: { SNAP_MAX: '1' } })
      expect(pruned.exitCode, pruned.stderr).to.equal(0)
      expect(store.snapshotNames()).to.include(snapshot)
      const { stdout } = await store.run(['prune', '--dry-run'], { env: { SNAP_MAX: '1' } })
      expect(stdout).to.match(new RegExp(`${snapshot}.*the clone ${name} needs it`))
      expectRefusal(
        await store.run(['rename', snapshot, '2020-01-01T00:00Z']),
        1,
        /the clone \S+ needs it/,
      )
    })

    it('tells what was changed in it', async () => {
      const { store } = used
      const finished = await store.run(['clone', 'diff', name, '--json'])
      expect(finished.exitCode, finished.stderr).to.equal(0)
      const changes = documentsOf(finished)
        .filter(({ type }) => type === 'change')
        .map(({ kind, path }) => `${String(kind)} ${String(path)}`)
      expect(changes).to.include.members(['modified some/one', 'deleted some/two', 'added new'])
      expect(store.snapshotNames().at(-1)).to.equal(snapshot)
    })

    it('becomes a snapshot that shares what did not change, and is not the latest', async () => {
      const { store } = used
      const finished = await store.run(['clone', 'snapshot', name, '-m', 'tried', '--json'])
      expect(finished.exitCode, finished.stderr).to.equal(0)
      const {
        name: taken,
        kind,
        comment,
      } = (lastDocumentOf(finished) as { snapshot: Record<string, string> }).snapshot
      expect([kind, comment]).to.deep.equal(['clone', 'tried'])
      expect(
        compareTrees(walkTree(dataOf(store, name)), walkTree(store.dataIn(taken ?? ''))),
      ).to.deep.equal([])
      const inode = async (of: string) => shellIn(store.dataIn(of), 'stat -c %i hello.txt')
      expect(await inode(taken ?? '')).to.equal(await inode(snapshot))

      const latest = await store.run(['show', 'latest', '--json'])
      expect(latest.stdout).to.contain(`"${snapshot}"`)
      const next = await store.snapshot()
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(next)))).to.deep.equal([])
      expect(await inode(next)).to.equal(await inode(snapshot))
    })

    it('becomes the live data, and undo takes that back', async () => {
      const { store } = used
      const live = walkTree(store.data)
      const planned = await store.run(['clone', 'promote', name, '--dry-run'])
      expect(planned.exitCode, planned.stderr).to.equal(0)
      expect(compareTrees(live, walkTree(store.data))).to.deep.equal([])

      const { exitCode, stderr } = await store.run(['clone', 'promote', name, '--yes'])
      expect(exitCode, stderr).to.equal(0)
      expect(compareTrees(walkTree(dataOf(store, name)), walkTree(store.data))).to.deep.equal([])
      expect((await store.run(['restore', '--undo', '--yes'])).exitCode).to.equal(0)
      expect(compareTrees(live, walkTree(store.data))).to.deep.equal([])
    })

    it('outlives its snapshot once it is flat', async () => {
      const { store } = used
      const before = walkTree(dataOf(store, name))
      expect((await store.run(['clone', 'flatten', name])).exitCode).to.equal(0)
      await store.snapshot()
      const { exitCode, stderr } = await store.run(['remove', snapshot, '--yes'])
      expect(exitCode, stderr).to.equal(0)
      expect(compareTrees(before, walkTree(dataOf(store, name)))).to.deep.equal([])
    })

    it('is listed, and has a name that nobody else has', async () => {
      const { store } = used
      const { stdout } = await store.run(['clone', 'list'])
      expect(stdout).to.match(new RegExp(`^${name} +\\S+ +data of ${snapshot} +reflink`, 'm'))
      expectRefusal(await store.run(['clone', snapshot, name]), 1, /there is a clone \S+ already/)
      for (const wrong of ['a', '../up', 'x/y', 'latest', snapshot, '-x']) {
        const { exitCode } = await store.run(['clone', snapshot, '--', wrong])
        expect(exitCode, wrong).to.equal(2)
      }
      expectRefusal(await store.run(['clone', 'diff', 'nothing']), 1, /there is no clone nothing/)
    })

    it('prunes nothing while a record of a clone cannot be read', async () => {
      const { store } = used
      const record = join(dataOf(store, name), '../clone.json')
      const text = readFileSync(record)
      writeFileSync(record, '{}')
      const { exitCode, stderr } = await store.run(['prune', '--yes'])
      expect(exitCode).to.equal(1)
      expect(stderr).to.match(/clone.json cannot be read/)
      writeFileSync(record, text)
    })
  })

  describe('that was cut off', () => {
    const store = useStore()

    it('is said to be, and removed', async () => {
      await store.snapshot()
      const name = newName()
      const made = await clone(store, 'latest', name)
      const record = join(store.directory, '.snap-volume/clones', name, 'clone.json')
      writeFileSync(record, JSON.stringify({ ...made.clone, finishedAt: null }))
      expect((await store.run(['clone', 'list'])).stdout).to.contain('cut off: remove it')
      expectRefusal(
        await store.run(['clone', 'snapshot', name]),
        1,
        /was cut off while it was made/,
      )
      await remove(store, name)
    })
  })
})
