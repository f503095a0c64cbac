import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'chai'
import type { CommandExecutor } from '../../../src/remote/executor.ts'
import { Runs } from '../../../src/remote/runs.ts'
import { systemClock } from '../../../src/system/clock.ts'

const megabyte = 1024 * 1024

/** Runs commands that do nothing but `execute`. */
function runsOf(execute: CommandExecutor['execute']): Runs {
  return new Runs({ commands: [], execute }, systemClock, new AbortController().signal)
}

/** Starts a command and resolves with its id when it has ended. */
async function runOne(runs: Runs): Promise<string> {
  const run = runs.start('show', { options: {} })
  if (run === undefined) throw new Error('too many run')
  while (runs.find(run.id)?.exitCode === undefined) await sleep(1)
  return run.id
}

describe('the commands that ended', () => {
  it('are kept up to 32', async () => {
    const runs = runsOf(async () => 0)
    const ids: string[] = []
    for (let count = 0; count < 40; count += 1) ids.push(await runOne(runs))
    expect(runs.list().map(({ id }) => id)).to.deep.equal(ids.slice(-32))
  })

  it('are kept up to 16 MiB of what they printed, counted in bytes, the oldest dropped first', async () => {
    const runs = runsOf(async (_command, _options, { stdout }) => {
      stdout.write('€'.repeat(megabyte))
      return 0
    })
    const ids: string[] = []
    for (let count = 0; count < 8; count += 1) ids.push(await runOne(runs))
    expect(runs.list().map(({ id }) => id)).to.deep.equal(ids.slice(-5))
    expect(runs.find(ids[0] ?? '')).to.equal(undefined)
  })

  it('are let go of with all they printed when they are dropped', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const runs = runsOf(async () => 0)
    const first = new WeakRef(runs.find(await runOne(runs)) ?? {})
    for (let count = 0; count < 32; count += 1) await runOne(runs)
    for (let wait = 0; wait < 20 && first.deref() !== undefined; wait += 1) {
      await sleep(10)
      collect()
    }
    expect(first.deref()).to.equal(undefined)
  })
})

describe('what a command is given to read', () => {
  it('is refused beyond 64 KiB that it has not read, and taken again when it has', async () => {
    const go = Promise.withResolvers<void>()
    const runs = runsOf(async (_command, _options, { stdin }, signal) => {
      await go.promise
      stdin.resume()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return 0
    })
    const id = runs.start('show', { options: {} })?.id ?? ''
    const kilobyte = '€'.repeat(256) + 'x'.repeat(256)
    for (let count = 0; count < 64; count += 1) {
      expect(runs.input(id, kilobyte), String(count)).to.equal('given')
    }
    expect(runs.input(id, 'x')).to.equal('full')
    go.resolve()
    await sleep(10)
    expect(runs.input(id, 'x')).to.equal('given')
    await runs.stop()
    expect(runs.input(id, 'x')).to.equal('unknown')
  })
})
