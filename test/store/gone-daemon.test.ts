import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { type Daemon, launchCli, launchProgram, programFile } from '../support/cli.ts'
import { type TestStore, makeStore, onlyPrelinks } from '../support/test-store.ts'
import { makeFifo } from '../unit/support/fifo.ts'

describe('A daemon that is gone', () => {
  let store: TestStore
  let daemon: Daemon

  beforeEach(async () => {
    store = await makeStore({ env: { SNAP_WARN_FREE: '0', SNAP_CRITICAL_FREE: '0' } })
    daemon = await store.startDaemon({ env: { SNAP_CRON: '0 3 1 1 *' } })
    const { exitCode, stdout } = await store.run(['status', '--check'])
    expect([exitCode, stdout], 'while it runs').to.deep.equal([0, 'ok\n'])
  })

  afterEach(async () => {
    daemon.signal('SIGKILL')
    await store.remove()
  })

  async function expectGone(): Promise<void> {
    const status = await store.run(['status', '--check'])
    expect(status.stdout).to.match(/^critical: no daemon runs on this store/)
    expect(status.exitCode).to.equal(2)
    expect((await store.run(['show', '-a'])).stdout).to.contain('none: no daemon runs')
    expect((await store.run(['doctor'])).stdout).to.match(/problem +daemon +none runs/)
  }

  for (const signal of ['SIGKILL', 'SIGABRT'] as const) {
    it(`by ${signal} is missed at once`, async () => {
      daemon.signal(signal)
      await daemon.end()
      await expectGone()
    })
  }

  it('by SIGHUP has ended as by SIGTERM', async () => {
    daemon.signal('SIGHUP')
    expect(await daemon.end(), daemon.output()).to.equal(0)
    expect(daemon.output()).to.contain('stopping')
    expect(existsSync(heartbeat())).to.equal(false)
    await expectGone()
  })

  it('with the terminal it was started on has ended as by SIGTERM', async () => {
    await daemon.stop()
    const words = [process.execPath, programFile, 'start', store.spec].join(' ')
    const env = Object.entries(store.env).map(([name, value]) => `${name}=${value}`)
    const terminal = launchProgram(
      [
        'script',
        '--quiet',
        '--command',
        `env ${env.join(' ')} SNAP_LOG_LEVEL=debug ${words}`,
        '/dev/null',
      ],
      { cwd: store.data },
    )
    await terminal.line(/ started: /)
    const { pid } = JSON.parse(readFileSync(lock(), 'utf8')) as { pid: number }
    terminal.signal('SIGKILL')
    await terminal.end()
    await until(() => !existsSync(`/proc/${pid}`), `the end of process ${pid}`)
    expect(existsSync(heartbeat())).to.equal(false)
    await expectGone()
  })

  it('is not missed by who has its lock for a look', async () => {
    const looks = Array.from({ length: 4 }, () => store.run(['status', '--check']))
    for (const { stdout } of await Promise.all(looks)) expect(stdout).to.equal('ok\n')
  })

  const heartbeat = (): string => join(store.directory, '.snap-volume/heartbeat')
  const lock = (): string => join(store.directory, '.snap-volume/daemon.lock')
})

describe('A client whose terminal is gone', () => {
  it('leaves its command to the daemon', async () => {
    const store = await makeStore()
    const gate = join(store.data, 'gate')
    makeFifo(gate)
    const hook = `touch ${store.data}/begun; read line < ${gate}`
    const daemon = await store.startDaemon({
      env: { ...onlyPrelinks, SNAP_PRE_SNAPSHOT: hook },
    })
    try {
      const SNAP_HOST = `unix://${store.directory}/.snap-volume/control.sock`
      const client = launchCli(['snapshot'], { env: { ...store.env, SNAP_HOST } })
      await until(() => existsSync(join(store.data, 'begun')), 'the hook')
      client.signal('SIGHUP')
      await client.end()
      writeFileSync(gate, 'go on\n')
      await until(() => store.snapshotNames().length === 1, 'the snapshot')
      expect(readdirSync(store.dataIn(store.snapshotNames()[0] ?? ''))).to.include('hello.txt')
    } finally {
      await daemon.stop()
      await store.remove()
    }
  })
})

/** What no event tells of is looked for. */
async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let left = 400; !isSo(); left -= 1) {
    if (left === 0) throw new Error(`${what} did not come`)
    await sleep(25)
  }
}
