import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Finished, documentsOf } from '../support/cli.ts'
import { type Mounted, bindMount, mountTmpfs } from '../support/mounts.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const SNAP_MAX = '2'

describe('A volume that is another one than before', function () {
  this.timeout(60_000)

  let store: TestStore
  let mount: Mounted | undefined

  const unmountAll = async (): Promise<void> => {
    await mount?.remove()
    mount = undefined
  }

  afterEach(async () => {
    await unmountAll()
    await store?.remove()
  })

  const remove = (kept: number): void => {
    for (const name of readdirSync(store.data).slice(kept)) rmSync(join(store.data, name))
  }
  const snapshot = async (...words: string[]): Promise<Finished> =>
    store.run(['snapshot', '--json', ...words])

  async function expectKept(good: string): Promise<void> {
    for (let night = 0; night < 4; night += 1) await snapshot()
    expect(store.snapshotNames()).to.include(good)
    const status = await store.run(['status', '--check'])
    expect(status.stdout).to.match(/volume data: .*"snap-volume snapshot --accept-changes"/)
    expect(status.exitCode).to.equal(2)
  }

  it('below a mount that is gone, does not push out its good snapshots, until that is accepted', async () => {
    store = await makeStore({ env: { SNAP_MAX } })
    const [disk, mountPoint] = [join(store.data, 'disk'), join(store.data, 'mnt')]
    const volume = join(mountPoint, 'data')
    for (const path of [disk, mountPoint]) mkdirSync(join(path, 'data'), { recursive: true })
    await configureFor(store, volume)
    mount = await bindMount(disk, mountPoint)
    fill(volume, 50, 'good')
    const good = await store.snapshot()
    await unmountAll()
    fill(volume, 50, 'good')
    expectFlagged(await snapshot(), /data is another directory than in @GMT-.* go back/)
    await expectKept(good)
    const plan = await store.run(['prune', '--dry-run'])
    expect(plan.stdout).to.match(/data is another one since, and nobody accepted that/)
    expect((await snapshot('--accept-changes')).exitCode).to.be.oneOf([0, 3])
    expect(store.snapshotNames()).not.to.include(good)
  })

  it('below a mount that is gone of a filesystem that does not tell its directories apart, does not', async function () {
    const tmpfs = await mountTmpfs('size=8m')
    mount = tmpfs
    store = await makeStore({ env: { SNAP_MAX } })
    if (statfsSync(store.data).type === statfsSync(tmpfs.path).type) {
      skipBecause(this, 'the temporary directory is on a tmpfs too')
    }
    const mountPoint = join(store.data, 'mnt')
    const volume = join(mountPoint, 'data')
    for (const path of [join(tmpfs.path, 'data'), mountPoint]) mkdirSync(path)
    await configureFor(store, volume)
    const bound = await bindMount(tmpfs.path, mountPoint)
    try {
      fill(volume, 50, 'good')
      await store.snapshot()
    } finally {
      await bound.remove()
    }
    const [good = ''] = store.snapshotNames()
    mkdirSync(volume)
    fill(volume, 1, 'good')
    expectFlagged(await snapshot(), /data is another directory than in @GMT-.* go back/)
    await expectKept(good)
  })

  it('with nearly all of its files replaced, does not push out its good snapshots', async () => {
    store = await makeStore({ env: { SNAP_MAX } })
    fill(store.data, 150, 'good')
    const good = await store.snapshot()
    remove(0)
    fill(store.data, 150, 'encrypted')
    expectFlagged(await snapshot(), /0 of the 151 files of @GMT-.* are still what they were/)
    await expectKept(good)
  })

  const harmless: [what: string, count: number, env: Record<string, string>, kept: number][] = [
    ['of few files', 90, {}, 0],
    ['of which enough stay', 150, {}, 30],
    ['whose limit is 0', 150, { SNAP_CHANGE_LIMIT: '0' }, 0],
  ]
  for (const [what, count, env, kept] of harmless) {
    it(`is none for a volume ${what}`, async () => {
      store = await makeStore({ env: { ...env, SNAP_MAX } })
      fill(store.data, count, 'good')
      await store.snapshot()
      remove(kept)
      fill(store.data, count, 'other')
      await store.snapshot()
    })
  }

  it('with nearly all of its files rewritten is told of also when patterns of what is left out change', async () => {
    store = await makeStore({ env: { SNAP_MAX } })
    fill(store.data, 200, 'good')
    const good = await store.snapshot()
    for (let index = 0; index < 198; index += 1) {
      writeFileSync(join(store.data, `good-${index}`), `encrypted ${index}`)
    }
    const env = { SNAP_EXCLUDE: '*.tmp' }
    const taken = await store.run(['snapshot', '--json'], { env })
    expectFlagged(taken, /3 of the 201 files that .* @GMT-.* are still what they were/)
    await expectKept(good)
  })

  it('is none after a restore, which makes files anew', async () => {
    store = await makeStore({ env: { SNAP_MAX } })
    fill(store.data, 150, 'good')
    const good = await store.snapshot()
    remove(0)
    fill(store.data, 150, 'bad')
    expect((await store.run(['restore', good, '--yes'])).exitCode).to.equal(0)
    await store.snapshot()
  })
})

/** Is flagged for it, names what it was before, and ends with exit code 3. */
function expectFlagged(finished: Finished, message: RegExp): void {
  expect(finished.exitCode, finished.stdout).to.equal(3)
  const told = documentsOf(finished).filter(({ code }) => code === 'other-data')
  expect(told).to.have.length(1)
  expect(told[0]?.['message']).to.match(message)
}

/** Another path for the volume. */
async function configureFor(store: TestStore, path: string): Promise<void> {
  await execa('sed', [
    '-i',
    `s#${store.data}#${path}#`,
    join(store.directory, '.snap-volume/config.json'),
  ])
}

function fill(directory: string, count: number, what: string): void {
  for (let index = 0; index < count; index += 1) {
    writeFileSync(join(directory, `${what}-${index}`), `${what} ${index}`)
  }
}
