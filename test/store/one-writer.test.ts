import { expect } from 'chai'
import { launchCli } from '../support/cli.ts'
import { type HeldLock, holdLock } from '../support/hold-lock.ts'
import { expectRefusal } from '../support/refusal.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('One writer at a time', () => {
  const store = useStore()

  it('lets two snapshots that begin at once both be taken, one after the other', async () => {
    const finished = await Promise.all([store.run(['snapshot']), store.run(['snapshot'])])
    expect(finished.map(({ exitCode }) => exitCode)).to.deep.equal([0, 0])
    const source = walkTree(store.data)
    const trees = store.snapshotNames().map((name) => walkTree(store.dataIn(name)))
    expect(trees.map((tree) => compareTrees(source, tree))).to.deep.equal([[], []])
  })

  describe('while somebody holds the lock,', () => {
    let held: HeldLock

    beforeEach(async () => {
      await store.snapshot()
      held = await holdLock(store.directory)
    })

    afterEach(() => held.release())

    for (const words of [['snapshot'], ['restore', 'latest', '--yes'], ['prune']]) {
      it(`${words[0]} gives up at once with SNAP_LOCK_TIMEOUT=0 and names nobody who has ended`, async () => {
        const before = store.published()
        const finished = await store.run(words, { env: { SNAP_LOCK_TIMEOUT: '0' } })
        expectRefusal(finished, 75, /the store is busy: another process is writing; try again/)
        expect(compareTrees(before, store.published())).to.deep.equal([])
      })
    }

    it('snapshot gives up after SNAP_LOCK_TIMEOUT', async () => {
      const { exitCode, stderr } = await store.run(['snapshot'], {
        env: { SNAP_LOCK_TIMEOUT: '1s' },
      })
      expect(stderr).to.match(/^waiting for the store: another process is writing$/m)
      expect(exitCode).to.equal(75)
    })

    it('snapshot waits, says for whom, and goes on when the lock is free', async () => {
      const waiting = launchCli(['snapshot'], { env: store.env })
      await waiting.line(/^waiting for the store: /)
      await held.release()
      await waiting.line(/^@GMT-.*1 file,/)
      expect(store.snapshotNames()).to.have.length(2)
    })

    it('show answers', async () => {
      const { exitCode } = await store.run(['show', '-a'])
      expect(exitCode).to.equal(0)
    })
  })

  it('names the command that holds the lock', async () => {
    const holder = launchCli(['snapshot', '--json'], {
      env: { ...store.env, SNAP_PRE_SNAPSHOT: 'sleep 5' },
    })
    await holder.line(/"phase":"copy"/)
    const finished = await store.run(['prune'], { env: { SNAP_LOCK_TIMEOUT: '0' } })
    await holder.stop()
    expectRefusal(
      finished,
      75,
      /the store is busy: "manual snapshot" runs since \S+ in \S+ \(pid \d+\); try/,
    )
  })

  it('refuses a second daemon with exit code 75, and the first goes on', async () => {
    const daemon = await store.startDaemon()
    try {
      const finished = await store.run(['start', store.spec])
      expectRefusal(finished, 75, /another daemon already keeps \S+: .*\(pid \d+\).*stop it first/)
    } finally {
      expect(await daemon.stop()).to.equal(0)
    }
  })

  it('lets the command line take a snapshot while the daemon runs', async () => {
    const daemon = await store.startDaemon()
    try {
      expect(await store.snapshot()).to.match(/^@GMT-/)
    } finally {
      await daemon.stop()
    }
  })
})
