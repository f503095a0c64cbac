import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { unblockRsync } from '../../src/copy/programs/unblock.ts'
import type { Finished } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { injecting, whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

/** A process whose child sleeps in a poll until a signal comes, as rsync's receiver does. */
const sleeper = `
import os, select, signal, sys
def leave(*_): os._exit(7)
child = os.fork()
if child == 0:
    signal.signal(signal.SIGCHLD, leave)
    print('polling', flush=True)
    select.poll().poll(60000)
    os._exit(8)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))`

describe('unblockRsync', () => {
  it('wakes a process below the one it is given from its poll', async () => {
    const python = spawn('python3', ['-c', sleeper], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(python, 'exit')
    await once(python.stdout, 'data')
    const stop = unblockRsync(python.pid ?? 0)
    const [exitCode] = (await ended) as [number]
    stop()
    expect(exitCode).to.equal(7)
  })

  it('leaves one alone that ended', async () => {
    const node = spawn(process.execPath, ['-e', '0'])
    const stop = unblockRsync(node.pid ?? 0)
    const [exitCode] = (await once(node, 'exit')) as [number]
    stop()
    expect(exitCode).to.equal(0)
  })
})

describe('A file that becomes a pipe when the program that copies it is about to open it', function () {
  this.timeout(60_000)

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  async function snapshotOfChange(engine: string, program: string): Promise<Finished> {
    store = await makeStore({ env: { SNAP_ENGINE: engine } })
    await shellIn(store.data, 'echo text > one; echo text > two')
    const through = injecting('openat:delay_enter=3000000', 'one')
    const finished = store.run(['snapshot'], { through })
    await seen(program, store.data)
    await shellIn(store.data, 'rm one; mkfifo one')
    return finished
  }

  let store: TestStore

  afterEach(async () => store.remove())

  it('does not stop cp for ever: engine link has it as the pipe that it is', async () => {
    const { exitCode, stderr } = await snapshotOfChange('link', 'cp')
    expect(exitCode, stderr).to.equal(0)
    await expectPipeIn(store)
  })

  it('does not stop rsync for ever: engine rsync fails as it does when a file becomes a socket', async () => {
    const { exitCode, stderr } = await snapshotOfChange('rsync', 'rsync')
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/failed to open ".*one": Interrupted system call/)
    expect(store.snapshotNames()).to.deep.equal([])
    await store.snapshot()
    await expectPipeIn(store)
  })
})

async function expectPipeIn(store: TestStore): Promise<void> {
  const data = store.dataIn(store.snapshotNames().at(-1) ?? '')
  expect(compareTrees(walkTree(store.data), walkTree(data))).to.deep.equal([])
  expect(walkTree(join(data, 'one')).get('.')).to.include({ type: 'fifo' })
}

/** Resolves when a program is at work in a directory, and has had the time to list it. */
async function seen(program: string, directory: string): Promise<void> {
  const isIt = (pid: string): boolean => {
    try {
      return (
        readFileSync(`/proc/${pid}/comm`, 'utf8') === `${program}\n` &&
        readlinkSync(`/proc/${pid}/cwd`) === directory
      )
    } catch {
      // it ended
      return false
    }
  }
  while (!readdirSync('/proc').some((name) => /^\d+$/.test(name) && isIt(name))) await sleep(5)
  await sleep(500)
}
