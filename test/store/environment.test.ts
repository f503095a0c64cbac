import { lstatSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { growAwkwardTree } from '../support/awkward-tree.ts'
import { type TestStore, configure, makeUnconfiguredStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('The environment of the caller', () => {
  let store: TestStore
  let home: string

  beforeEach(async () => {
    store = await makeUnconfiguredStore()
    home = `${store.data}.home`
    await mkdir(home)
    await growAwkwardTree(store.data)
  })

  afterEach(() => store.remove())

  async function expectFaithfulSnapshot(env: Record<string, string>): Promise<void> {
    await configure(store)
    const source = walkTree(store.data)
    const { exitCode, stderr } = await store.run(['snapshot'], { env })
    expect(exitCode, stderr).to.equal(0)
    const [name = ''] = store.snapshotNames()
    expect(name).to.match(/^@GMT-\d{4}\.\d{2}\.\d{2}-\d{2}\.\d{2}\.\d{2}$/)
    expect(compareTrees(source, walkTree(store.dataIn(name)))).to.deep.equal([])
  }

  it('has no effect by a ~/.popt that redefines options of rsync', async () => {
    const popt = 'rsync alias -a -r --no-perms --exclude=*\nrsync alias --stats --dry-run\n'
    await writeFile(join(home, '.popt'), popt)
    await expectFaithfulSnapshot({ HOME: home })
  })

  it('has no effect by variables of rsync', () =>
    expectFaithfulSnapshot({
      RSYNC_PROTECT_ARGS: '1',
      RSYNC_OLD_ARGS: '1',
      RSYNC_PARTIAL_DIR: 'plain',
      RSYNC_ICONV: 'utf-8,latin1',
      RSYNC_RSH: 'touch /tmp/executed',
      RSYNC_CHECKSUM_LIST: 'none',
      RSYNC_COMPRESS_LIST: 'none',
      RSYNC_MAX_ALLOC: '1',
      CVSIGNORE: '*',
    }))

  it('has no effect by a locale, nor by a time zone', () =>
    expectFaithfulSnapshot({ LC_ALL: 'tr_TR.UTF-8', LANG: 'ar_EG', TZ: 'Pacific/Kiritimati' }))

  it('names snapshots by GMT whatever the time zone', async () => {
    await configure(store)
    const before = Date.now()
    await store.run(['snapshot'], { env: { TZ: 'Pacific/Kiritimati' } })
    const digits = (store.snapshotNames()[0] ?? '').match(/\d+/g) ?? []
    const [year = 0, month = 0, day, hour, minute, second] = digits.map(Number)
    const taken = Date.UTC(year, month - 1, day, hour, minute, second)
    expect(taken).to.be.within(before - 1000, Date.now())
  })

  describe('with a umask of 077', () => {
    const through = ['sh', '-c', 'umask 077; exec "$@"', 'sh']

    beforeEach(async () => {
      const daemon = await store.startDaemon({ through })
      await daemon.stop()
      await store.run(['snapshot'], { through })
    })

    it('still copies every mode', () => {
      const [name = ''] = store.snapshotNames()
      expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
    })

    it('still lets others into the store, the snapshots and their records', () => {
      const [name = ''] = store.snapshotNames()
      const paths = [
        store.directory,
        join(store.directory, name),
        join(store.directory, name, '.snapshot.json'),
      ]
      const modes = paths.map((path) => (lstatSync(path).mode & 0o777).toString(8))
      expect(modes).to.deep.equal(['755', '755', '644'])
    })
  })

  it('with a umask of 000 does not open the program’s own directory', async () => {
    const daemon = await store.startDaemon({ through: ['sh', '-c', 'umask 000; exec "$@"', 'sh'] })
    await daemon.stop()
    const own = join(store.directory, '.snap-volume')
    const paths = [own, ...readdirSync(own).map((name) => join(own, name))]
    const open = paths.filter((path) => (lstatSync(path).mode & 0o077) !== 0)
    expect(open).to.deep.equal([])
  })
})
