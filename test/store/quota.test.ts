import { existsSync, readdirSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { Finished } from '../support/cli.ts'
import { fullPlaces } from '../support/full-places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { injecting, whyNoStrace } from '../support/strace.ts'
import { makeStore, useStore } from '../support/test-store.ts'
import { compareTrees } from '../support/tree-walker.ts'

const exceeded = 'error=EDQUOT'

describe('Under a disk quota that is used up', function () {
  this.timeout(60_000)
  const store = useStore()
  let oldest: string

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  beforeEach(async () => {
    await shellIn(store.data, 'echo same > same')
    oldest = await store.snapshot()
    await store.snapshot()
    await shellIn(store.data, 'echo changed > hello.txt; setfattr -n user.colour -v blue hello.txt')
  })

  const inOldest = (...path: string[]): string => join(store.directory, oldest, ...path)
  const noRoom = (): string[] => injecting(`rename:${exceeded}`, inOldest())
  const noLinks = (): string[] => [
    ...noRoom(),
    '--trace=rename,link,chmod',
    `--trace-path=${inOldest('.snapshot.json')}`,
    `--inject=link:${exceeded}`,
  ]

  const prune = async (through: readonly string[]): Promise<Finished> =>
    store.run(['prune', '--yes'], { env: { SNAP_MAX: '1' }, through })

  /** Kills the program at a call that is about `path`. */
  async function killAt(call: string, path: string): Promise<void> {
    const [strace = '', ...words] = noRoom().filter((word) => !word.startsWith('--trace='))
    const through = [
      strace,
      `--trace=rename,${call}`,
      ...words,
      `--trace-path=${path}`,
      `--inject=${call}:signal=SIGKILL:when=1`,
    ]
    const ended = await prune(through).catch(String)
    expect(ended, 'killed').to.be.a('string').that.includes('SIGKILL')
  }

  const failures = [
    { what: 'nothing can be linked', injection: `link:${exceeded}` },
    { what: 'nothing can be renamed', injection: `rename:${exceeded}` },
    { what: 'cp and rsync may not write', injection: `fsetxattr:${exceeded}` },
  ]
  for (const { what, injection } of failures) {
    it(`a snapshot says so where ${what}, publishes nothing and leaves nothing`, async () => {
      // what is this young is compared, and rsync copies where it cannot link
      await sleep(1200)
      await store.snapshot()
      await shellIn(store.data, 'echo again > hello.txt; setfattr -n user.colour -v red hello.txt')
      const before = store.published()
      const finished = await store.run(['snapshot'], { through: injecting(injection) })
      expectRefusal(finished, 1, /the store \S+ is full \(the disk quota is used up\): /)
      expect(compareTrees(before, store.published())).to.deep.equal([])
      expect([...store.leftIn('staging'), ...store.leftIn('trash')]).to.deep.equal([])
    })
  }

  it('a restore says so, and that it can go on', async () => {
    // the first ones are of the safety snapshot and of the journal
    const through = injecting(`rename:${exceeded}:when=3+`)
    const { exitCode, stderr } = await store.run(['restore', oldest, '--yes'], { through })
    expect(stderr).to.match(/the data in \S+ is full \(the disk quota is used up\): .*--undo/)
    expect(exitCode).to.equal(1)
  })

  it('start says so', async () => {
    const prelinked = join(store.directory, '.snap-volume/prelinked')
    const through = injecting(`mkdir:${exceeded}`, prelinked)
    await rmdir(prelinked)
    const finished = await store.run(['start', store.spec], { through })
    expectRefusal(finished, 1, /prelinked cannot be made: the disk quota is used up/)
  })

  describe('a snapshot that cannot be moved to the trash', () => {
    it('is deleted by prune where it is, and no other', async () => {
      const [, ...others] = store.snapshotNames()
      const { exitCode, stdout, stderr } = await prune(noRoom())
      expect(exitCode, stderr).to.equal(0)
      expect(stdout + stderr).to.include(oldest)
      expect(store.snapshotNames()).to.deep.equal(others)
      expect(store.leftIn('trash')).to.deep.equal([])
    })

    it('is deleted after a snapshot that needs its place', async () => {
      const { exitCode, stderr } = await store.run(['snapshot'], {
        env: { SNAP_MAX: '2' },
        through: noRoom(),
      })
      expect(exitCode, stderr).to.equal(0)
      expect(store.snapshotNames()).to.have.length(2).and.not.include(oldest)
    })

    it('is whole, and listed, when that is cut off before it is none any more', async () => {
      const before = store.published()
      await killAt('unlink', inOldest('.snapshot.json'))
      const marked = readdirSync(inOldest()).filter((name) => name.includes('removed'))
      expect(marked).to.have.length(1)
      await shellIn(inOldest(), 'rm .snapshot.removed.json')
      expect(compareTrees(before, store.published())).to.deep.equal([])
    })

    it('is removed by the next prune when that was cut off before', async () => {
      await killAt('unlink', inOldest('.snapshot.json'))
      expect((await prune(noRoom())).exitCode).to.equal(0)
      expect(existsSync(inOldest())).to.equal(false)
    })

    it('is no snapshot when that is cut off half-way, and the next command deletes the rest', async () => {
      await killAt('chmod', inOldest())
      expect(existsSync(inOldest('data/hello.txt')), 'half-way').to.equal(true)
      const { stdout } = await store.run(['show'])
      expect(stdout).to.include('@GMT-').and.not.include(oldest)
      expect((await store.run(['prune'])).exitCode).to.equal(0)
      expect(existsSync(inOldest())).to.equal(false)
      expect(store.snapshotNames()).to.have.length(1)
    })

    it('is removed although its mode cannot be changed', async () => {
      const also = [`--trace=rename,chmod`, `--inject=chmod:${exceeded}`]
      const { exitCode, stderr } = await prune([...noRoom(), ...also])
      expect(exitCode, stderr).to.equal(0)
      expect(existsSync(inOldest())).to.equal(false)
    })
  })

  describe('a snapshot whose record cannot get a second name either', () => {
    it('is deleted at once, and no other', async () => {
      const [, ...others] = store.snapshotNames()
      const { exitCode, stderr } = await prune(noLinks())
      expect(exitCode, stderr).to.equal(0)
      expect(stderr).to.match(new RegExp(`^removed ${oldest}`, 'm'))
      expect(store.snapshotNames()).to.deep.equal(others)
    })

    it('is damaged when that is cut off, with the way out, and is never used', async () => {
      const ended = await prune([...noLinks(), '--inject=chmod:signal=SIGKILL']).catch(String)
      expect(ended, 'killed').to.be.a('string').that.includes('SIGKILL')
      expect(readdirSync(inOldest())).to.include('data').and.not.include('.snapshot.json')
      const { stdout, stderr } = await store.run(['show'])
      expect(stdout + stderr).to.match(new RegExp(`${oldest} is damaged.*"rm -rf ${inOldest()}"`))
      const words = ['restore', oldest, '--yes']
      expect((await store.run(words)).exitCode).to.equal(1)
    })
  })
})

describe('Where nothing more can be written', function () {
  this.timeout(120_000)

  for (const { title, mount } of fullPlaces) {
    for (const [what, hasReserve] of [
      ['with the reserve', true],
      ['without it', false],
    ] as const) {
      it(`${title}, ${what}, prune removes what SNAP_MAX says`, async function () {
        const place = await mount(this)
        try {
          const store = await makeStore({ on: place.path })
          await shellIn(store.data, 'head -c 2M /dev/urandom > large')
          const first = await store.snapshot()
          await shellIn(store.data, 'head -c 2M /dev/urandom > large')
          const last = await store.snapshot()
          if (!hasReserve) await shellIn(store.directory, 'rm -r .snap-volume/reserve')
          await place.fill(true)
          const { exitCode, stderr } = await store.run(['prune', '--yes'], {
            env: { SNAP_MAX: '1' },
          })
          expect(exitCode, stderr).to.be.oneOf([0, 3])
          expect(stderr).to.match(new RegExp(`^removed ${first}`, 'm'))
          expect(store.snapshotNames()).to.deep.equal([last])
          expect(store.leftIn('trash')).to.deep.equal([])
        } finally {
          await place.remove()
        }
      })
    }
  }
})
