import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'chai'
import { keepAwake } from '../../src/copy/wake-rsync.ts'

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

describe('keepAwake', () => {
  it('wakes a process below the one it is given from its poll', async () => {
    const python = spawn('python3', ['-c', sleeper], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(python, 'exit')
    await once(python.stdout, 'data')
    const stop = keepAwake(python.pid ?? 0)
    const [exitCode] = (await ended) as [number]
    stop()
    expect(exitCode).to.equal(7)
  })

  it('leaves one alone that ended', async () => {
    const node = spawn(process.execPath, ['-e', '0'])
    const stop = keepAwake(node.pid ?? 0)
    const [exitCode] = (await once(node, 'exit')) as [number]
    stop()
    expect(exitCode).to.equal(0)
  })
})
