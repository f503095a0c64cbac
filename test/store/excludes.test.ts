import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { documentsOf, lastDocumentOf } from '../support/cli.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { injecting, whyNoStrace } from '../support/strace.ts'
import {
  type TestStore,
  configure,
  makeStore,
  makeUnconfiguredStore,
  useStore,
} from '../support/test-store.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

const env = { SNAP_EXCLUDE: '*.tmp|data:/cache/' }

const listOf = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted()

describe('With SNAP_EXCLUDE', () => {
  const store = useStore({ env })

  beforeEach(async () => {
    await shellIn(store.data, 'mkdir cache d; touch cache/a a.tmp d/b.tmp d/kept')
  })

  for (const engine of ['link', 'rsync']) {
    it(`a snapshot by engine ${engine} leaves out what it names, and its record says so`, async () => {
      const finished = await store.run(['snapshot', '--json'], { env: { SNAP_ENGINE: engine } })
      const { snapshot } = lastDocumentOf(finished) as { snapshot: SnapshotRecord }
      expect(listOf(store.dataIn(snapshot.name))).to.deep.equal(['d', 'd/kept', 'hello.txt'])
      const [volume] = snapshot.volumes
      expect(volume?.exclude).to.deep.equal(['*.tmp', '/cache/'])
      expect([volume?.contents?.files, volume?.contents?.directories]).to.deep.equal([2, 2])
      expect(finished.exitCode).to.equal(0)
    })
  }

  it('show says what is left out, and what was left out of a snapshot', async () => {
    const name = await store.snapshot()
    for (const words of [['-a'], [name]]) {
      const { stdout } = await store.run(['show', ...words])
      expect(stdout).to.match(/^ +without \*\.tmp \| \/cache\/$/m)
    }
  })

  it('nobody looks at what it names: there an error of the disk does no harm', async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
    for (const place of ['a.tmp', 'cache', 'cache/a']) {
      const through = injecting(
        'openat,getdents64,read,statx,newfstatat:error=EIO',
        join(store.data, place),
      )
      const { exitCode, stderr } = await store.run(['snapshot'], { through })
      expect(exitCode, `${place}: ${stderr}`).to.equal(0)
    }
  })

  it('a restore does with live data what rsync --delete --exclude does', async () => {
    const name = await store.snapshot()
    await shellIn(
      store.data,
      'mkdir -p gone/deep/er new/cache; touch gone/a gone/deep/er/b.tmp gone/deep/c new/d.tmp new/e; rm -r d/kept; echo later > a.tmp',
    )
    const copy = `${store.data}.copy`
    const words = ['--delete', '--exclude=*.tmp', '--exclude=/cache/']
    await shellIn('/', `cp -a ${store.data} ${copy}`)
    await shellIn('/', `rsync -a ${words.join(' ')} ${store.dataIn(name)}/ ${copy}/`)
    const { exitCode, stderr } = await store.run(['restore', name, '--yes'])
    expect(exitCode, stderr).to.equal(0)
    expect(listOf(store.data)).to.deep.equal(listOf(copy)).and.to.include('gone/deep/er/b.tmp')
    expect(readFileSync(join(store.data, 'a.tmp'), 'utf8')).to.equal('later\n')
  })

  it('a restore of a snapshot from before names what it leaves alone, and its undo does too', async () => {
    const all = { SNAP_EXCLUDE: '' }
    await store.run(['snapshot'], { env: all })
    const [before = ''] = store.snapshotNames()
    expect(listOf(store.dataIn(before))).to.include('cache/a')
    await shellIn(store.data, 'rm d/b.tmp; echo now > a.tmp; echo now > cache/a; echo now > d/kept')
    const finished = await store.run(['restore', before, '--json'])
    const result = documentsOf(finished).find(({ type }) => type === 'result')
    const { warnings = [] } = (result ?? {}) as Partial<SnapshotRecord>
    const named = warnings.map(({ code, paths }) => [code, paths?.toSorted()])
    expect(named).to.deep.equal([['excluded', ['a.tmp', 'cache', 'd/b.tmp']]])
    expect(finished.exitCode).to.equal(3)
    expect(listOf(store.data)).to.not.include('d/b.tmp')
    const contents = ['a.tmp', 'cache/a', 'd/kept'].map((path) =>
      readFileSync(join(store.data, path), 'utf8'),
    )
    expect(contents).to.deep.equal(['now\n', 'now\n', ''])
    expect((await store.run(['restore', '--undo', '--yes'])).exitCode).to.equal(0)
    expect(readFileSync(join(store.data, 'd/kept'), 'utf8')).to.equal('now\n')
  })

  it('a restore leaves alone what the snapshot left out, also when it is not left out any more', async () => {
    const name = await store.snapshot()
    const finished = await store.run(['restore', name, '--yes'], { env: { SNAP_EXCLUDE: '' } })
    expect(finished.exitCode, finished.stderr).to.equal(0)
    expect(listOf(store.data)).to.include.members(['a.tmp', 'cache/a', 'd/b.tmp'])
  })

  for (const isPrelinked of [false, true]) {
    const begun = isPrelinked ? ', begun with links made in advance' : ''
    it(`other patterns make another snapshot of the same data${begun}`, async () => {
      await untilAllIsOld(store.data)
      const whole = ['a.tmp', 'cache', 'cache/a', 'd', 'd/b.tmp', 'd/kept', 'hello.txt']
      const lists: [exclude: string, expected: string[]][] = [
        ['', whole],
        ['*.tmp|cache', ['d', 'd/kept', 'hello.txt']],
        ['d/*', whole.filter((path) => !path.startsWith('d/'))],
        ['', whole],
      ]
      for (const [exclude, expected] of lists) {
        const other = { SNAP_EXCLUDE: exclude }
        const { exitCode, stderr } = await store.run(['snapshot'], { env: other })
        expect(exitCode, stderr).to.equal(0)
        const name = store.snapshotNames().at(-1) ?? ''
        expect(listOf(store.dataIn(name)), exclude).to.deep.equal(expected)
        if (isPrelinked) await store.prelink()
      }
    })
  }

  it('data of which most are left out from now on are not other data', async () => {
    await shellIn(store.data, 'mkdir many; for i in $(seq 200); do echo $i > many/$i.log; done')
    await store.snapshot()
    const { exitCode, stderr } = await store.run(['snapshot'], { env: { SNAP_EXCLUDE: '*.log' } })
    expect(exitCode, stderr).to.equal(0)
  })
})

describe('start with SNAP_EXCLUDE', () => {
  let store: TestStore

  beforeEach(async () => {
    store = await makeUnconfiguredStore()
  })

  afterEach(() => store.remove())

  const wrong: [env: Record<string, string>, message: RegExp][] = [
    [{ SNAP_EXCLUDE: '[a' }, /SNAP_EXCLUDE has "\[a": it has a \[ without its \]: write /],
    [{ SNAP_EXCLUDE: 'other:*.tmp' }, /there is no volume other: write one of data before/],
    [{ SNAP_EXCLUDE: '*.tmp', SNAP_ENGINE: 'btrfs' }, /set SNAP_ENGINE=auto, or take out/],
  ]
  for (const [wrongEnv, message] of wrong) {
    it(`refuses ${JSON.stringify(wrongEnv)} in one line, and makes no store`, async () => {
      const finished = await store.run(['start', store.spec], { env: wrongEnv })
      expectRefusal(finished, 2, message)
      expect(existsSync(store.directory)).to.equal(false)
    })
  }

  it('takes the patterns from a file, and later commands go by them', async () => {
    writeFileSync(`${store.data}.patterns`, '*.tmp\ndata:/cache/\n')
    await shellIn(store.data, 'mkdir cache; touch a.tmp')
    await configure({
      ...store,
      startDaemon: () =>
        store.startDaemon({ env: { SNAP_EXCLUDE_FILE: `${store.data}.patterns` } }),
    })
    expect(readdirSync(store.dataIn(await store.snapshot()))).to.deep.equal(['hello.txt'])
  })
})

describe('With SNAP_EXCLUDE a subvolume on btrfs', () => {
  it('is copied by engine link, because a snapshot of it could leave nothing out', async function () {
    const filesystem = await loopOrSkip(this, 'btrfs', { sizeMiB: 512 })
    try {
      const store = await makeStore({ on: filesystem.path, env })
      await shellIn('/', `mv ${store.data} ${store.data}.old; btrfs subvolume create ${store.data}`)
      await shellIn(store.data, 'echo kept > kept; touch a.tmp')
      expect(readdirSync(store.dataIn(await store.snapshot()))).to.deep.equal(['kept'])
      const { stdout } = await store.run(['show', '-a'])
      expect(stdout).to.match(/engine link \(.* cannot leave out what SNAP_EXCLUDE names\)/)
      const asked = await store.run(['snapshot'], { env: { SNAP_ENGINE: 'btrfs' } })
      expectRefusal(asked, 2, /SNAP_ENGINE is btrfs.*set SNAP_ENGINE=auto/)
      await shellIn('/', `btrfs subvolume delete ${store.data}`)
      await store.remove()
    } finally {
      await filesystem.remove()
    }
  })
})
