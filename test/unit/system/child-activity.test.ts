import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { readChildActivity } from '../../../src/system/child-activity.ts'

async function grown(): Promise<number> {
  const before = readChildActivity()
  await sleep(300)
  return readChildActivity() - before
}

describe('readChildActivity', () => {
  let child: ChildProcess

  // in a group of its own, so that a test that fails leaves nothing running
  const run = (program: string, ...args: string[]): void => {
    child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  }

  afterEach(() => process.kill(-(child.pid ?? 0), 'SIGKILL'))

  it('grows while a program of a program works, and not while it waits', async () => {
    run('sh', '-c', 'sh -c "while :; do :; done" & read line; kill $!; sleep 60')
    await sleep(100)
    expect(await grown()).to.be.greaterThan(0)
    child.stdin?.write('\n')
    let last = 1
    for (let window = 0; window < 10 && last !== 0; window++) last = await grown()
    expect(last).to.equal(0)
  })

  it('does not grow by what works at the lowest priority', async () => {
    run('nice', '-n', '19', 'sh', '-c', 'while :; do :; done')
    await sleep(100)
    expect(await grown()).to.equal(0)
  })
})
