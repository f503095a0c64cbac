import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { type Daemon, launchProgram } from '../support/cli.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** What `start` loads from packages. */
const libraries = [
  '@hono/node-server',
  'execa',
  'fastest-levenshtein',
  'hono',
  'node-cron',
  'pretty-bytes',
  'pretty-ms',
  'prom-client',
  'valibot',
  'yargs',
]

const measuredMs = 10_000
/** Node's own housekeeping, and one heartbeat. */
const mostWakeUps = 20
const rounds = 4

/** What a process has in memory, in MB; what it shares with others counts by its part of them. */
function memoryOf(pid: number): number {
  const [, kilobytes] =
    /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

/** How often threads of a process went to sleep by themselves, so far. */
function sleepsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
    .map((status) => Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]))
    .reduce((sum, count) => sum + count, 0)
}

describe('A daemon that has nothing to do', function () {
  this.timeout(120_000)
  let store: TestStore
  let daemon: Daemon
  let bare: Daemon

  before(async () => {
    store = await makeStore()
    daemon = await store.startDaemon({
      env: { SNAP_TOKEN: 'a-token-of-these-tests', SNAP_LISTEN: '127.0.0.1:18400' },
    })
    const imports = libraries.map((name) => `await import('${name}')`).join(';')
    const script = `${imports}; console.log('ready'); setInterval(() => undefined, 30000)`
    bare = launchProgram([process.execPath, '--input-type=module', '-e', script], {
      cwd: repository,
    })
    await bare.line(/^ready$/)
    // both let go of what they needed for their start
    await sleep(5000)
  })

  after(async () => {
    await daemon.stop()
    await bare.stop()
    await store.remove()
  })

  it('has no more than 1.3 times the memory of a bare node with the same libraries', () => {
    const [ours, others] = [memoryOf(daemon.pid), memoryOf(bare.pid)]
    process.stdout.write(
      `      ${ours.toFixed(1)} MB, ${(ours / others).toFixed(2)} times the ${others.toFixed(1)} MB of a bare node\n`,
    )
    expect(ours / others).to.be.at.most(1.3)
  })

  it('sleeps', async () => {
    // on a slow machine it may still be busy with its start; one that polls does so in each of them
    let least = Infinity
    for (let round = 0; round < rounds && least > mostWakeUps; round += 1) {
      const before = sleepsOf(daemon.pid)
      await sleep(measuredMs)
      least = Math.min(least, sleepsOf(daemon.pid) - before)
      process.stdout.write(`      woke up ${least} times in ${measuredMs / 1000} s\n`)
    }
    expect(least).to.be.at.most(mostWakeUps)
  })

  it('has no program running', () => {
    const { pid } = daemon
    expect(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')).to.equal('')
  })
})
