import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseSnapshotName } from '../../src/store/names.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { clockSays, whyNoFakedClock } from '../support/faked-clock.ts'
import { expectRefusal } from '../support/refusal.ts'
import { skipBecause } from '../support/skip.ts'
import { useStore } from '../support/test-store.ts'

const in2099 = clockSays(new Date('2099-01-01T00:00:00Z'))

/** As a clock that is right names it: within the last minute. */
function expectNow(name: string): void {
  const ageMs = Date.now() - (parseSnapshotName(name)?.getTime() ?? 0)
  expect(ageMs, name).to.be.within(-5000, 60_000)
}

describe('A snapshot that was taken while the clock said 2099', () => {
  const store = useStore({ env: { SNAP_WARN_FREE: '0', SNAP_CRITICAL_FREE: '0' } })

  before(function () {
    const why = whyNoFakedClock()
    if (why !== undefined) skipBecause(this, why)
  })

  const future = (): string => store.snapshotNames().find((name) => name > '@GMT-2090') ?? ''
  const past = (): string[] => store.snapshotNames().filter((name) => name < '@GMT-2090')

  async function takeIn2099(...words: string[]): Promise<string> {
    await store.run(['snapshot', ...words], { env: in2099 })
    expect(future(), 'a snapshot of 2099').not.to.equal('')
    return future()
  }

  it('names none of the later ones, and is shown, reported and not counted', async () => {
    const before = await store.snapshot()
    const name = await takeIn2099()
    const after = await store.snapshot()
    expectNow(after)
    expect(after > before).to.equal(true)
    const status = await store.run(['status', '--json'])
    const { snapshots, health } = lastDocumentOf(status) as unknown as {
      snapshots: object
      health: { findings: { code: string; message: string }[] }
    }
    expect(snapshots).to.deep.equal({ count: 2, oldest: before, newest: after })
    const finding = health.findings.find(({ code }) => code === 'future')
    expect(finding?.message).to.contain(`${name} is of the future`)
    const { stdout } = await store.run(['show'])
    expect(stdout).to.match(new RegExp(`^${name} +- .* of the future`, 'm'))
    expect(stdout).to.match(new RegExp(`^warning: ${name} is of the future`, 'm'))
  })

  it('is nothing that doctor advises to remove', async () => {
    await store.snapshot()
    const name = await takeIn2099()
    const clock = (await store.run(['doctor'])).stdout
      .split('\n')
      .filter((line, index, all) => /clock/.test(line) || /clock/.test(all[index - 1] ?? ''))
    expect(clock.join('\n')).to.contain(name).and.contain('snap-volume rename')
    expect(clock.join('\n')).not.to.match(/remov|delet/)
  })

  it('pushes none out, and after either jump of the clock none is removed, which is said', async () => {
    const env = { SNAP_MAX: '2' }
    const first = await store.snapshot()
    const second = await store.snapshot()
    writeFileSync(join(store.data, 'hello.txt'), 'in 2099\n')
    const forward = await store.run(['snapshot'], { env: { ...in2099, ...env } })
    const name = future()
    expect(forward.stderr).to.match(
      /^warning: the clock went on by .*: nothing is removed this time/m,
    )
    expect(forward.exitCode).to.equal(3)
    const back = await store.run(['snapshot'], { env })
    expect(back.stderr).to.match(
      /^warning: the clock was set back .*: nothing is removed this time/m,
    )
    expect(back.exitCode).to.equal(3)
    const [, , third = ''] = past()
    expect(past()).to.deep.equal([first, second, third])
    const later = await store.run(['snapshot'], { env })
    expect(later.exitCode, later.stderr).to.equal(0)
    expect(past()).to.have.length(2).and.include(third)
    expect(store.snapshotNames()).to.include(name)
    const plan = await store.run(['prune', '--dry-run'], { env: { SNAP_MAX: '1' } })
    expect(plan.stdout).to.match(new RegExp(`^keep +${name} +of the future`, 'm'))
  })

  it('lets prune remove nothing either, until somebody asks again', async () => {
    for (let count = 0; count < 3; count += 1) await store.snapshot()
    await takeIn2099()
    const env = { SNAP_MAX: '1' }
    const plan = await store.run(['prune', '--dry-run'], { env })
    expect(plan.stdout).to.match(/^keep +@GMT-\S+ +the clock was set back/m)
    const once = await store.run(['prune'], { env })
    expect(once.exitCode, once.stderr).to.equal(3)
    expect(once.stderr).to.match(/nothing is removed this time/)
    expect(past()).to.have.length(3)
    expect((await store.run(['prune'], { env })).exitCode).to.equal(0)
    expect(past()).to.have.length(1)
    expect(future()).not.to.equal('')
  })

  it('is not passed over by latest while it may be the newest, and is afterwards', async () => {
    const before = await store.snapshot()
    const name = await takeIn2099()
    for (const words of [
      ['show', 'latest'],
      ['show', 'latest~0'],
      ['restore', 'latest', '--yes'],
      ['show', '0 days ago'],
    ]) {
      expectRefusal(await store.run(words), 1, new RegExp(`may mean ${name}, .* or ${before}`))
    }
    expect((await store.run(['show', before])).exitCode).to.equal(0)
    const after = await store.snapshot()
    expect((await store.run(['show', 'latest'])).stdout).to.contain(after)
    expect((await store.run(['show', 'latest~1'])).stdout).to.contain(before)
  })

  it('is no base of the later ones, which share files with one another', async () => {
    const before = await store.snapshot()
    await takeIn2099()
    const [after, later] = [await store.snapshot(), await store.snapshot()]
    const inode = (name: string): number => statSync(join(store.dataIn(name), 'hello.txt')).ino
    expect(inode(after)).to.equal(inode(before))
    expect(inode(later)).to.equal(inode(after))
    expect(baseOf(later)).to.equal(after)
  })

  it('is the base of the next one where there is no other', async () => {
    const name = await takeIn2099()
    expect(baseOf(await store.snapshot())).to.equal(name)
  })

  it('is restored, and undone, as any other', async () => {
    const name = await takeIn2099()
    writeFileSync(join(store.data, 'hello.txt'), 'later\n')
    const restored = await store.run(['restore', name, '--yes'])
    expect(restored.exitCode, restored.stderr).to.equal(0)
    expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('hello\n')
    expect((await store.run(['restore', '--undo', '--yes'])).exitCode).to.equal(0)
    expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('later\n')
  })

  describe('gets another name', () => {
    it('only by whoever knows when it was taken', async () => {
      const before = await store.snapshot()
      const name = await takeIn2099('--pin', '-m', 'kept')
      const left = await store.run(['rename'])
      expect(left.exitCode).to.equal(3)
      expect(left.stdout).to.match(
        new RegExp(`^${name} keeps its name: its record says 2099.* after ${before}`, 'm'),
      )
      expectRefusal(await store.run(['rename', name]), 1, /is not renamed: its record says 2099/)
      const said = await store.run(['rename', name, '2026-01-02T03:04:05Z'])
      expect(said.exitCode, said.stderr).to.equal(0)
      const renamed = '@GMT-2026.01.02-03.04.05'
      expect(store.snapshotNames()).to.deep.equal([renamed, before])
      const record = lastDocumentOf(await store.run(['show', name, '--json']))
      expect(record).to.include({ name: renamed, pinned: true, comment: 'kept' })
      expect(readFileSync(join(store.dataIn(renamed), 'hello.txt'), 'utf8')).to.equal('hello\n')
      expect((await store.run(['status', '--json'])).stdout).not.to.contain('of the future')
      expect((await store.run(['show', 'latest'])).stdout).to.contain(before)
    })

    const wrong: [words: string[], exitCode: number, message: RegExp][] = [
      [['2026-01-02T99:00'], 2, /is no time/],
      [['2098-01-01'], 2, /is of the future/],
      [['soon'], 2, /is no time/],
    ]
    for (const [words, exitCode, message] of wrong) {
      it(`not of ${words.join(' ')}`, async () => {
        const name = await takeIn2099()
        expectRefusal(await store.run(['rename', name, ...words]), exitCode, message)
        expect(store.snapshotNames()).to.deep.equal([name])
      })
    }

    it('and the way back of a restore stays, although the journal has the old one', async () => {
      const before = await store.snapshot()
      writeFileSync(join(store.data, 'hello.txt'), 'later\n')
      await store.run(['restore', before, '--yes'], { env: in2099 })
      const safety = future()
      await store.run(['rename', safety, '2026-01-02'])
      expect(future()).to.equal('')
      const plan = await store.run(['prune', '--dry-run'], { env: { SNAP_MAX: '1' } })
      expect(plan.stdout).to.match(
        /^keep +@GMT-2026\.01\.02-23\.59\.59 +what the last restore replaced/m,
      )
      const undone = await store.run(['restore', '--undo', '--yes'])
      expect(undone.exitCode, undone.stderr).to.equal(0)
      expect(readFileSync(join(store.data, 'hello.txt'), 'utf8')).to.equal('later\n')
    })

    it('while its links were made in advance, and the next snapshot is whole', async () => {
      const name = await takeIn2099()
      await store.prelink()
      await store.run(['rename', name, '2026-01-02'])
      const next = await store.snapshot()
      expect(readFileSync(join(store.dataIn(next), 'hello.txt'), 'utf8')).to.equal('hello\n')
      expect(baseOf(next)).to.equal('@GMT-2026.01.02-23.59.59')
    })
  })

  function baseOf(name: string): string | null {
    const text = readFileSync(join(store.directory, name, '.snapshot.json'), 'utf8')
    return (JSON.parse(text) as { volumes: [{ base: string | null }] }).volumes[0].base
  }
})

describe('A snapshot that was taken while the clock was set back by half a year', () => {
  const halfYearAgo = new Date(Date.now() - 182 * 86_400_000)
  const store = useStore({ env: { SNAP_WARN_FREE: '0', SNAP_CRITICAL_FREE: '0' } })

  before(function () {
    const why = whyNoFakedClock()
    if (why !== undefined) skipBecause(this, why)
  })

  /** Two snapshots, of which the second one has the newest data and the older name. */
  async function takeBoth(): Promise<{ right: string; misnamed: string }> {
    const right = await store.snapshot()
    writeFileSync(join(store.data, 'hello.txt'), 'newest\n')
    await store.run(['snapshot'], { env: clockSays(halfYearAgo) })
    const [misnamed = ''] = store.snapshotNames()
    expect(misnamed < right).to.equal(true)
    return { right, misnamed }
  }

  it('is what latest and times may mean, and they refuse to guess', async () => {
    const { right, misnamed } = await takeBoth()
    for (const words of [
      ['restore', 'latest', '--dry-run'],
      ['show', '0 days ago'],
    ]) {
      const either = new RegExp(`may mean ${misnamed} or ${right}.*snap-volume rename`)
      expectRefusal(await store.run(words), 1, either)
    }
  })

  it('stays, also where SNAP_MAX is 1, until it has the name of its start', async () => {
    const { right, misnamed } = await takeBoth()
    const env = { SNAP_MAX: '1' }
    for (let count = 0; count < 2; count += 1) await store.run(['prune'], { env })
    expect(store.snapshotNames()).to.deep.equal([misnamed, right])
    const renamed = await store.run(['rename', misnamed, new Date().toISOString()])
    expect(renamed.exitCode, renamed.stderr).to.equal(0)
    expect((await store.run(['prune'], { env })).exitCode).to.equal(0)
    const [newest = ''] = store.snapshotNames()
    expect(store.snapshotNames()).to.have.length(1)
    expect(readFileSync(join(store.dataIn(newest), 'hello.txt'), 'utf8')).to.equal('newest\n')
    expect((await store.run(['show', 'latest'])).stdout).to.contain(newest)
  })

  it('is named with what to do, and with nothing to delete', async () => {
    const { right, misnamed } = await takeBoth()
    const told = new RegExp(
      `${misnamed} was taken after ${right}.*snap-volume rename ${misnamed} TIME`,
    )
    expect((await store.run(['show'])).stdout).to.match(told)
    const status = await store.run(['status', '--json'])
    const { health } = lastDocumentOf(status) as unknown as {
      health: { findings: { code: string; message: string; level: string }[] }
    }
    const finding = health.findings.find(({ code }) => code === 'misnamed')
    expect(finding?.message).to.match(told)
    expect(finding?.level).to.equal('warning')
    expect((await store.run(['doctor'])).stdout).to.match(
      new RegExp(`${misnamed} was taken after ${right}`),
    )
    expectRefusal(await store.run(['rename', misnamed]), 1, /snap-volume rename \S+ TIME/)
  })
})
