import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { readChildActivity } from '../../../src/system/child-activity.ts'

async function grown(): Promise<number> {
  const before = readChildActivity()
  await sleep(300)
  return readChildActivity() - before
}

describe('readChildActivity', () => {
  it('grows while a program of a program works, and not while it waits', async () => {
    const child = spawn(
      'sh',
      ['-c', 'sh -c "while :; do :; done" & read line; kill $!; sleep 10'],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    )
    await sleep(100)
    expect(await grown()).to.be.greaterThan(0)
    child.stdin.write('\n')
    await sleep(200)
    expect(await grown()).to.equal(0)
    child.kill('SIGKILL')
    await once(child, 'close')
  })

  it('does not grow by what works at the lowest priority', async () => {
    const child = spawn('nice', ['-n', '19', 'sh', '-c', 'while :; do :; done'], {
      stdio: 'ignore',
    })
    await sleep(100)
    expect(await grown()).to.equal(0)
    child.kill('SIGKILL')
    await once(child, 'close')
  })
})
