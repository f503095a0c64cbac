import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { BusyError } from '../../../src/errors.ts'
import type { StoreLayout } from '../../../src/store/layout.ts'
import { createStore } from '../../../src/store/open.ts'
import {
  adoptPrelinked,
  createPrelinked,
  discardPrelinked,
  hasPrelinked,
  lockPrelinked,
} from '../../../src/store/prelinked.ts'
import { rejectionOf } from '../support/rejection.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const name = '@GMT-2026.11.20-03.00.00'
const other = '@GMT-2026.11.20-04.00.00'

describe('a prelinked tree', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout
  let target: string

  beforeEach(() => {
    store = createStore(join(directory.path, 'store'))
    target = join(store.staging, 'data')
    mkdirSync(target)
  })

  /** Makes one of the volume `data`. */
  function make(snapshot = name): string {
    const links = join(createPrelinked(store, snapshot), 'data')
    mkdirSync(links)
    writeFileSync(join(links, 'a'), 'linked')
    return links
  }

  const adopt = (snapshot = name, id = 'data'): Promise<boolean> =>
    adoptPrelinked(store, snapshot, id, target)

  it('is in a directory for root alone, under a name that no snapshot has', () => {
    const links = createPrelinked(store, name)
    expect(links).to.equal(join(store.prelinked, name.slice(1)))
    expect(lstatSync(links).mode & 0o7777).to.equal(0o700)
  })

  it('is there for its snapshot only', () => {
    make()
    expect([name, other].map((snapshot) => hasPrelinked(store, snapshot))).to.deep.equal([
      true,
      false,
    ])
  })

  it('takes the place of the empty directory in staging', async () => {
    const { ino } = lstatSync(make())
    expect(await adopt()).to.equal(true)
    expect(lstatSync(target).ino).to.equal(ino)
    expect(readFileSync(join(target, 'a'), 'utf8')).to.equal('linked')
    expect(readdirSync(join(store.prelinked, name.slice(1)))).to.deep.equal([])
  })

  it('is taken once', async () => {
    make()
    expect([await adopt(), await adopt()]).to.deep.equal([true, false])
    expect(readdirSync(target)).to.deep.equal(['a'])
  })

  const refusals: Record<string, () => Promise<boolean>> = {
    'there is none': () => adopt(),
    'it is of another snapshot': () => (make(other), adopt()),
    'it is of another volume': () => (make(), adopt(name, 'mail')),
    'a file is in its place': () => {
      writeFileSync(join(createPrelinked(store, name), 'data'), '')
      return adopt()
    },
    'a link is in its place': () => {
      symlinkSync(make(other), join(createPrelinked(store, name), 'data'))
      return adopt()
    },
  }

  for (const [why, act] of Object.entries(refusals)) {
    it(`is not taken where ${why}, and staging stays as it is`, async () => {
      const { ino } = lstatSync(target)
      expect(await act()).to.equal(false)
      expect(lstatSync(target).ino).to.equal(ino)
      expect(readdirSync(target)).to.deep.equal([])
    })
  }

  it('is not taken while somebody makes it, nor made by two', async () => {
    make()
    const lock = await lockPrelinked(store)
    expect(await adopt()).to.equal(false)
    expect(existsSync(target)).to.equal(true)
    expect(await rejectionOf(lockPrelinked(store))).to.be.instanceOf(BusyError)
    lock.release()
    expect(await adopt()).to.equal(true)
  })

  it('goes to the trash when its space is wanted', async () => {
    make()
    make(other)
    await discardPrelinked(store)
    expect([readdirSync(store.prelinked), readdirSync(store.trash).length]).to.deep.equal([[], 2])
  })
})
