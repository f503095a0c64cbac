import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Act } from '../../src/store/act-log.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { useStore } from '../support/test-store.ts'

const kinds = (list: readonly Act[]): string[] => list.map((one) => `${one.act} ${one.outcome}`)

describe('What is done to a store', () => {
  const store = useStore()
  let acts: string

  beforeEach(async () => {
    acts = join(store.directory, '.snap-volume/acts.jsonl')
  })

  async function noted(): Promise<Act[]> {
    const finished = await store.run(['show', '--log', '--json'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    const document = lastDocumentOf(finished) as unknown as { schema: number; acts: Act[] }
    expect(document.schema).to.equal(1)
    return document.acts
  }

  it('is listed, oldest first, with what became of it', async () => {
    const first = await store.snapshot()
    writeFileSync(join(store.data, 'hello.txt'), 'other\n')
    const second = await store.snapshot('-m', 'second')
    await store.run(['restore', first, '--yes'])
    await store.run(['restore', '--undo', '--yes'])
    await store.run(['prune'], { env: { SNAP_MAX: '1' } })
    const list = await noted()
    expect(kinds(list)).to.deep.equal([
      'start done',
      'snapshot done',
      'snapshot done',
      'restore begun',
      'restore done',
      'restore begun',
      'restore done',
      'prune done',
    ])
    expect(list[1]).to.include({ snapshot: first, kind: 'manual' })
    expect(list[1]?.by.what).to.equal('command')
    expect(list[4])
      .to.include({ snapshot: first })
      .and.deep.include({ volumes: ['data'] })
    expect(list[6]?.snapshot).to.equal(list[4]?.safety)
    expect(list[7]?.removed).to.include(first)
    const text = (await store.run(['show', '--log'])).stdout
    expect(text).to.match(new RegExp(`^\\S+Z {2}manual snapshot ${second}, by a command in `, 'm'))
    expect(text).to.contain(`restore of ${first} into data, what it replaced is kept as `)
  })

  const failures: [words: string[], act: string, error: RegExp][] = [
    [['snapshot'], 'snapshot failed', /has no files/],
    [['restore', 'yesterday', '--yes'], 'restore failed', /there is no snapshot/],
    [['restore', '--undo', '--yes'], 'restore failed', /no restore to undo/],
    [['subvolume', 'data', '--yes'], 'subvolume failed', /./],
  ]
  for (const [words, act, error] of failures) {
    it(`is listed where ${words.join(' ')} fails, with why`, async () => {
      await store.snapshot()
      rmSync(join(store.data, 'hello.txt'))
      expect((await store.run(words)).exitCode).to.equal(1)
      const last = (await noted()).at(-1)
      expect(kinds(last === undefined ? [] : [last])).to.deep.equal([act])
      expect(last?.error).to.match(error)
    })
  }

  it('is listed where the store was busy', async () => {
    const lock = { env: { SNAP_LOCK_TIMEOUT: '0' } }
    const through = ['flock', join(store.directory, '.snap-volume/lock')]
    expect((await store.run(['prune'], { ...lock, through })).exitCode).to.equal(75)
    expect((await noted()).at(-1)?.error).to.match(/^the store is busy/)
  })

  it('is not listed where nothing was to be done but looking', async () => {
    const name = await store.snapshot()
    const before = readFileSync(acts)
    for (const words of [
      ['show'],
      ['status'],
      ['prune', '--dry-run'],
      ['restore', name, '--dry-run'],
    ]) {
      await store.run(words)
    }
    expect(readFileSync(acts).equals(before)).to.equal(true)
  })

  it('is on the log of the daemon at once, whoever does it', async () => {
    const daemon = await store.startDaemon({ env: { SNAP_CRON: '0 3 1 1 *' } })
    try {
      const name = await store.snapshot()
      await daemon.line(new RegExp(` info +manual snapshot ${name}, by a command in \\S+ \\(pid `))
      await store.run(['restore', name, '--yes'])
      await daemon.line(new RegExp(` info +restore of ${name} into data begun, by a command`))
      await daemon.line(new RegExp(` info +restore of ${name} into data, what .* by a command`))
      await store.run(['prune'], { env: { SNAP_MAX: '1' } })
      await daemon.line(/ info +prune, by a command/)
      expect((await store.run(['restore', 'latest~7', '--yes'])).exitCode).to.equal(1)
      await daemon.line(/ warn +restore of latest~7 failed: there is no latest~7.* by a command/)
      const SNAP_HOST = `unix://${store.directory}/.snap-volume/control.sock`
      await store.run(['snapshot'], { env: { SNAP_HOST } })
      await daemon.line(/ info +manual snapshot \S+, by a client of the daemon/)
    } finally {
      await daemon.stop()
    }
  })

  it('is told once where the daemon does it by itself', async () => {
    const daemon = await store.startDaemon({ env: { SNAP_ON_START: 'true' } })
    try {
      await daemon.line(/ snapshot @GMT-\S+: /)
      const name = await store.snapshot()
      await daemon.line(new RegExp(`manual snapshot ${name}`))
      const told = daemon
        .output()
        .split('\n')
        .filter((line) => / snapshot @GMT-/.test(line))
      expect(told).to.have.length(2)
    } finally {
      await daemon.stop()
    }
    expect(kinds(await noted())).to.include('snapshot done')
  })

  it('is read without a line that a crash cut off, and that ends before the next one', async () => {
    const first = await store.snapshot()
    appendFileSync(acts, '{"act":"snapshot","outcome":"do')
    expect((await noted()).map(({ snapshot }) => snapshot)).to.include(first)
    const second = await store.snapshot()
    const taken = (await noted()).filter(({ act }) => act === 'snapshot')
    expect(taken.map(({ snapshot }) => snapshot)).to.deep.equal([first, second])
  })

  it('takes a bounded place, and the newest stay', async () => {
    const name = await store.snapshot()
    const line = readFileSync(acts, 'utf8').trimEnd().split('\n').at(-1) ?? ''
    for (let round = 0; round < 3; round += 1) {
      appendFileSync(acts, `${line}\n`.repeat(Math.ceil((270 * 1024) / line.length)))
      expect((await store.run(['prune'])).exitCode).to.equal(0)
    }
    await store.run(['restore', 'nothing', '--yes'])
    const older = join(store.directory, '.snap-volume/acts.old.jsonl')
    expect(statSync(acts).size + statSync(older).size).to.be.at.most(700 * 1024)
    const list = await noted()
    expect(kinds(list.slice(-2))).to.deep.equal(['prune done', 'restore failed'])
    expect(list.some(({ snapshot }) => snapshot === name)).to.equal(true)
  })

  it('is done all the same where it cannot be noted, which is a warning', async () => {
    rmSync(acts)
    mkdirSync(acts)
    const { exitCode, stderr } = await store.run(['snapshot'])
    expect(stderr).to.match(/^warning: what was done cannot be noted in .*acts\.jsonl: EISDIR/m)
    expect(exitCode).to.equal(0)
    expect(store.snapshotNames()).to.have.length(1)
  })

  it('by several at a time is noted line by line', async () => {
    const runs = Array.from({ length: 6 }, () => store.run(['restore', 'nothing', '--yes']))
    await Promise.all(runs)
    expect((await noted()).filter(({ act }) => act === 'restore')).to.have.length(6)
  })
})
