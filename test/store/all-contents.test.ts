import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Daemon, lastDocumentOf } from '../support/cli.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

const never = '0 3 1 1 *'
const everySecond = '* * * * * *'

/**
 * A change of hello.txt to JELLO that engine rsync does not look for: its size and time are what
 * they were.
 */
const hiddenFromRsync = `
  touch -r hello.txt ../reference
  printf JELLO | dd of=hello.txt conv=notrunc status=none
  touch -r ../reference hello.txt`

/** The beginning of hello.txt in a snapshot, in the newest if not said. */
function contentIn(store: TestStore, name = store.snapshotNames().at(-1) ?? ''): string {
  return readFileSync(join(store.dataIn(name), 'hello.txt'), 'latin1').slice(0, 5)
}

describe('A snapshot that compares all contents', () => {
  let store: TestStore
  let daemon: Daemon | undefined

  beforeEach(async () => {
    store = await makeStore({ env: { SNAP_ENGINE: 'rsync', SNAP_CRON: never } })
    await store.snapshot()
    await shellIn(store.data, hiddenFromRsync)
  })

  afterEach(async () => {
    await daemon?.stop()
    daemon = undefined
    await store.remove()
  })

  async function start(env: Record<string, string>): Promise<Daemon> {
    daemon = await store.startDaemon({ env })
    return daemon
  }

  it('is what snapshot --checksum takes', async () => {
    expect(contentIn(store, await store.snapshot('--checksum'))).to.equal('JELLO')
  })

  it('is none that snapshot takes without it', async () => {
    expect(contentIn(store, await store.snapshot())).to.equal('hello')
  })

  it('is what the daemon takes for a client that asks for it', async () => {
    await start({})
    const socket = join(store.directory, '.snap-volume/control.sock')
    const env = { SNAP_DIR: '/nowhere', SNAP_HOST: `unix://${socket}` }
    const { exitCode, stderr } = await store.run(['snapshot', '--checksum'], { env })
    expect(exitCode, stderr).to.equal(0)
    expect(contentIn(store)).to.equal('JELLO')
  })

  it('is what a run of SNAP_CHECKSUM_CRON takes, and its log says so', async () => {
    const { line } = await start({ SNAP_CHECKSUM_CRON: everySecond })
    await line(/ snapshot @GMT-.*, all contents compared$/)
    await daemon?.stop()
    expect(contentIn(store)).to.equal('JELLO')
  })

  it('is none that a run of SNAP_CRON takes', async () => {
    const { line } = await start({ SNAP_CRON: everySecond, SNAP_CHECKSUM_CRON: never })
    expect(await line(/ snapshot @GMT-/)).not.to.include('all contents')
    await daemon?.stop()
    expect(contentIn(store)).to.equal('hello')
  })

  it('is what a run takes that is due by both schedules', async () => {
    const { line } = await start({ SNAP_CRON: everySecond, SNAP_CHECKSUM_CRON: everySecond })
    expect(await line(/ snapshot @GMT-/)).to.match(/, all contents compared$/)
  })

  it('has its schedule in show -a and in its JSON, also when the daemon has stopped', async () => {
    const { stop } = await start({ SNAP_CHECKSUM_CRON: '0 4 * * 0', SNAP_TZ: 'Asia/Tokyo' })
    await stop()
    const { stdout } = await store.run(['show', '-a'])
    expect(stdout).to.match(/^checksum +0 4 \* \* 0 \(Asia\/Tokyo\), compares all contents$/m)
    const { config } = lastDocumentOf(await store.run(['show', '--json']))
    expect(config).to.include({ checksumCron: '0 4 * * 0' })
  })

  it('has its next run in the log', async () => {
    const { output } = await start({ SNAP_CHECKSUM_CRON: '0 4 * * 0' })
    expect(output()).to.match(/compared on the schedule 0 4 \* \* 0 \(GMT\), next at \S+T04:00:00/)
  })

  it('cannot be asked for by a schedule that is none', async () => {
    const finished = await store.run(['start', store.spec], {
      env: { SNAP_CHECKSUM_CRON: 'sundays' },
    })
    expectRefusal(finished, 2, /SNAP_CHECKSUM_CRON is "sundays": .*write five fields/)
  })
})

const letters = (letter: string): string => `head -c 8192 /dev/zero | tr '\\0' ${letter}`

describe('Engine link on XFS', () => {
  let mounted: LoopFilesystem
  let store: TestStore

  before(async function () {
    mounted = await loopOrSkip(this, 'xfs')
    const { failed } = await execa('xfs_io', ['-c', 'help swapext'], { reject: false })
    if (failed) skipBecause(this, 'no xfs_io that can swap extents')
  })

  beforeEach(async () => {
    store = await makeStore({ on: mounted.path, env: { SNAP_ENGINE: 'link' } })
    await shellIn(store.data, `${letters('a')} > hello.txt`)
    await shellIn(store.data, `${letters('b')} > ../other; sync`)
    await untilAllIsOld(store.data)
    await store.snapshot()
    await shellIn(store.data, 'xfs_io -c "swapext ../other" hello.txt')
  })

  afterEach(() => store?.remove())
  after(() => mounted?.remove())

  it('takes swapped contents for unchanged, which no change time shows', async () => {
    expect(contentIn(store, await store.snapshot())).to.equal('aaaaa')
  })

  it('captures swapped contents with --checksum', async () => {
    expect(contentIn(store, await store.snapshot('--checksum'))).to.equal('bbbbb')
  })

  it('captures swapped contents with --checksum when a copy was made in advance', async () => {
    await store.prelink()
    expect(contentIn(store, await store.snapshot('--checksum'))).to.equal('bbbbb')
  })
})
