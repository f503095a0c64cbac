import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Environment, lastDocumentOf } from '../support/cli.ts'
import { useStore } from '../support/test-store.ts'

/** So many hours from now. */
const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString()

describe('A snapshot that a command takes', () => {
  const store = useStore({ env: { SNAP_WARN_FREE: '0', SNAP_CRITICAL_FREE: '0' } })

  interface Status {
    lastRun: { snapshot: string | null; reason: string; outcome: string } | null
    lastSuccess: { snapshot: string | null } | null
    failuresInARow: number
    health: { findings: { code: string }[] }
  }

  async function status(env: Environment = {}): Promise<Status> {
    return lastDocumentOf(await store.run(['status', '--json'], { env })) as unknown as Status
  }

  const codes = ({ health }: Status): string[] => health.findings.map(({ code }) => code)

  /** As a daemon leaves it whose last run failed a day ago, before the next one. */
  function leaveFailure(): void {
    const run = { startedAt: at(-24), finishedAt: at(-24), reason: 'schedule' }
    const lastRun = { ...run, outcome: 'failed', snapshot: null, error: 'no space' }
    const own = join(store.directory, '.snap-volume')
    const state = { schema: 1, lastRun, lastSuccess: null, failuresInARow: 3, expectedBy: at(-24) }
    writeFileSync(join(own, 'runs.json'), JSON.stringify(state))
    writeFileSync(join(own, 'schedule.json'), JSON.stringify({ nextRun: at(1) }))
  }

  it('is the last run, for status', async () => {
    const name = await store.snapshot()
    const { lastRun, lastSuccess } = await status()
    expect(lastRun).to.include({ snapshot: name, reason: 'manual', outcome: 'success' })
    expect(lastSuccess?.snapshot).to.equal(name)
    expect((await store.run(['status'])).stdout).to.match(
      new RegExp(`^last run .*success: ${name}$`, 'm'),
    )
  })

  it('ends what was overdue, and failures', async () => {
    leaveFailure()
    expect(codes(await status())).to.deep.equal(['no-daemon', 'stale', 'failed'])
    await store.snapshot()
    const after = await status()
    expect(codes(after)).to.deep.equal(['no-daemon'])
    expect(after.failuresInARow).to.equal(0)
  })

  it('and that fails ends nothing', async () => {
    await store.snapshot()
    leaveFailure()
    rmSync(join(store.directory, '.snap-volume/acts.jsonl'), { force: true })
    rmSync(join(store.data, 'hello.txt'))
    expect((await store.run(['snapshot'])).exitCode).to.equal(1)
    expect(codes(await status())).to.deep.equal(['no-daemon', 'stale', 'failed'])
  })

  it('counts while a daemon runs, in what it tells its container', async () => {
    leaveFailure()
    const daemon = await store.startDaemon({
      env: { SNAP_CATCH_UP: 'false', SNAP_CRON: '0 3 1 1 *' },
    })
    try {
      const name = await store.snapshot()
      expect(codes(await status())).to.deep.equal([])
      expect((await status()).lastRun?.snapshot).to.equal(name)
      expect(existsSync(join(store.directory, '.snap-volume/heartbeat'))).to.equal(true)
    } finally {
      await daemon.stop()
    }
  })
})
