import { closeSync, lstatSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { planRestore, restore } from '../../src/actions/restore/restore.ts'
import type { SnapshotRecord } from '../../src/store/record.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

const kibi = 1024
const mebi = 1024 * kibi
const gibi = 1024 * mebi

const dataBytes = 256 * kibi
const dataAt = 3 * gibi

const grow = `
truncate -s 8G disk.img; echo small > small; chmod 640 disk.img
head -c ${dataBytes} /dev/urandom | dd of=disk.img bs=64K seek=${dataAt / (64 * kibi)} conv=notrunc status=none
sync -f .`

const damage = `
printf damaged | dd of=disk.img bs=64K seek=${dataAt / (64 * kibi)} conv=notrunc status=none
echo damaged > small; sync -f .`

/** Many times the data, with what programs read to start, and a small part of 8 GB. */
const mostBytes = 32 * mebi

/** Later than any call of write(2) can go on that has moved a ctime by now. */
const muchLaterMs = 10 * 60_000

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  describe(`A file of 8 GB that is a hole but for 256 KB, on ${type},`, function () {
    this.timeout(600_000)

    const systemNow = Date.now
    let filesystem: LoopFilesystem
    let store: InProcessStore
    let first: SnapshotRecord

    before(async function () {
      filesystem = await loopOrSkip(this, type, { sizeMiB: 400 })
      store = makeInProcessStore('link', 100, filesystem.path)
      await shellIn(store.data, grow)
    })

    afterEach(() => {
      Date.now = systemNow
    })

    after(async () => {
      await store?.remove()
      await filesystem?.remove()
    })

    async function snapshotCheaply(): Promise<SnapshotRecord> {
      const record = await expectCheap(() => store.snapshot())
      expectSame(store.data, store.dataIn(record.name))
      return record
    }

    const options = { undo: false, volumes: [], readAll: false } as const
    const restoreCheaply = (): Promise<unknown> =>
      expectCheap(() => restore(store.context, { ...options, reference: first.name }))
    const planCheaply = (): Promise<{ changed: number | undefined }> =>
      expectCheap(async () => {
        const { volumes } = await planRestore(store.context, { ...options, reference: first.name })
        return { changed: volumes[0]?.counts.changed }
      })

    it('costs its data in the first snapshot', async () => {
      first = await snapshotCheaply()
    })

    it('counts in the record with the room that it takes', () => {
      const added = first.volumes[0]?.contents?.addedBytes
      expect(added)
        .to.be.at.least(dataBytes)
        .and.at.most(dataBytes + mebi)
    })

    it('costs no more in a snapshot right after it', async () => {
      await snapshotCheaply()
    })

    it('costs no more in one when its time is old', async () => {
      Date.now = () => systemNow() + muchLaterMs
      await snapshotCheaply()
    })

    it('costs no more in one after it was touched', async () => {
      await shellIn(store.data, 'touch disk.img')
      await snapshotCheaply()
    })

    it('costs no more in one that has no index to rely on', async () => {
      const { name } = await store.snapshot()
      rmSync(join(store.dataIn(name), '../.snapshot.index.data'))
      await snapshotCheaply()
    })

    it('costs no more to be planned for a restore', async () => {
      await planCheaply()
    })

    it('costs no more in a restore that finds it right', async () => {
      await restoreCheaply()
      expectSame(store.dataIn(first.name), store.data)
    })

    it('costs no more to be planned for a restore once it was damaged', async () => {
      await shellIn(store.data, damage)
      expect(await planCheaply()).to.deep.equal({ changed: 2 })
    })

    it('costs no more in a restore that finds it damaged', async () => {
      await restoreCheaply()
      expectSame(store.dataIn(first.name), store.data)
    })
  })
}

/**
 * What this process and the programs that it waited for have read and written, from disk or not.
 */
function bytesSoFar(): { read: number; written: number } {
  const counters = readFileSync('/proc/self/io', 'utf8')
  const of = (name: string): number =>
    Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(counters)?.[1])
  return { read: of('rchar'), written: of('wchar') }
}

async function expectCheap<T>(act: () => Promise<T>): Promise<T> {
  const before = bytesSoFar()
  const result = await act()
  const after = bytesSoFar()
  expect(after.read - before.read, 'bytes read').to.be.below(mostBytes)
  expect(after.written - before.written, 'bytes written').to.be.below(mostBytes)
  return result
}

/** Compares the file by what is not a hole: reading 8 GB takes long. */
function expectSame(wanted: string, actual: string): void {
  expect(sparseFile(actual)).to.deep.equal(sparseFile(wanted))
  const { blocks } = lstatSync(join(actual, 'disk.img'))
  expect(blocks * 512, 'allocated').to.be.below(dataBytes + mebi)
}

function sparseFile(tree: string): Record<string, unknown> {
  const path = join(tree, 'disk.img')
  const { size, mode, mtimeNs } = lstatSync(path, { bigint: true })
  const data = Buffer.alloc(dataBytes)
  const descriptor = openSync(path, 'r')
  try {
    readSync(descriptor, data, 0, dataBytes, dataAt)
  } finally {
    closeSync(descriptor)
  }
  return { size, mode, mtimeNs, data: data.toString('base64') }
}
