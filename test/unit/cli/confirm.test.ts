import { expect } from 'chai'
import { confirm } from '../../../src/cli/confirm.ts'
import { exitCodes, InterruptedError } from '../../../src/errors.ts'
import type { Run } from '../../../src/remote/run.ts'
import { Runs } from '../../../src/remote/runs.ts'
import { type ManualClock, manualClock } from '../support/manual-clock.ts'

const request = {
  options: {},
  terminal: { canAnswer: true, stdout: { isTTY: true }, stderr: { isTTY: true } },
}

/** Clients look for a command so long after a cut. */
const reconnectMs = 60_000

describe('the question of a command that runs for a client', () => {
  let time: ManualClock
  let runs: Runs
  let run: Run
  let leave: () => void
  let ask: () => Promise<void>

  beforeEach(() => {
    time = manualClock()
    const { promise: turn, resolve } = Promise.withResolvers<void>()
    const { signal } = new AbortController()
    const execute: ConstructorParameters<typeof Runs>[0]['execute'] = async (
      _,
      options,
      terminal,
    ) => {
      const input = {
        options,
        json: false,
        commands: [],
        terminal,
        environment: {},
        clock: time.clock,
        signal,
      }
      await turn
      try {
        await confirm(input, { plan: '', what: 'It', refusal: 'left as it is' })
        return exitCodes.done
      } catch (error) {
        if (!(error instanceof InterruptedError)) throw error
        return error.exitCode
      }
    }
    runs = new Runs({ commands: [], execute }, time.clock, signal)
    const started = runs.start('restore', request)
    if (started === undefined) throw new Error('it did not start')
    run = started
    leave = runs.listen(run.id)
    ask = async () => {
      resolve()
      for await (const line of run.follow(1)) {
        if (line.type === 'stdout' && line.text.includes('[y/n]')) break
      }
    }
  })

  async function answer(text: string): Promise<void> {
    expect(runs.input(run.id, text)).to.equal('given')
    await time.pass(0)
  }

  for (const [text, exitCode] of [
    ['y', exitCodes.done],
    ['Y', exitCodes.done],
    ['y\n', exitCodes.done],
    ['yes\n', exitCodes.done],
    ['n', exitCodes.interrupted],
    ['n\n', exitCodes.interrupted],
    ['\n', exitCodes.interrupted],
    ['\u0003', exitCodes.interrupted],
    ['\u0004', exitCodes.interrupted],
    ['q', exitCodes.interrupted],
  ] as const) {
    it(`is answered ${JSON.stringify(text)} by who is there`, async () => {
      await ask()
      await answer(text)
      expect(run.exitCode).to.equal(exitCode)
    })

    it(`is answered ${JSON.stringify(text)} by who was cut off before it, and came back`, async () => {
      leave()
      await ask()
      await time.pass(reconnectMs / 2)
      runs.listen(run.id)
      await time.pass(5000)
      await answer(text)
      expect(run.exitCode).to.equal(exitCode)
    })
  }

  for (const text of ['y', 'yes\n', '\n', 'y\ny\n']) {
    it(`is not answered by ${JSON.stringify(text)} that was typed before it`, async () => {
      await answer(text)
      await ask()
      await time.pass(0)
      expect(run.exitCode).to.equal(undefined)
      await answer('n')
      expect(run.exitCode).to.equal(exitCodes.interrupted)
    })
  }

  for (const text of ['n', 'no\n', 'docker start db\n', 'y\nn', '\u0003']) {
    it(`is answered no by ${JSON.stringify(text)} that was typed before it`, async () => {
      await answer(text)
      await ask()
      await time.pass(0)
      expect(run.exitCode).to.equal(exitCodes.interrupted)
    })
  }

  it('has the client send each key while it waits, and lines again afterwards', async () => {
    await ask()
    await answer('n')
    const lines = []
    for await (const line of run.follow(0)) lines.push(line)
    const modes = lines.filter(({ type }) => type === 'keys')
    expect(modes).to.deep.equal([
      { type: 'keys', on: true },
      { type: 'keys', on: false },
    ])
  })

  it('can be answered by who was away for longer, but is there when it is asked', async () => {
    leave()
    await time.pass(reconnectMs * 2)
    runs.listen(run.id)
    await ask()
    await answer('y\n')
    expect(run.exitCode).to.equal(exitCodes.done)
  })

  it('takes the silence of who is there for a yes after 10 s', async () => {
    await ask()
    await time.pass(9999)
    expect(run.exitCode).to.equal(undefined)
    await time.pass(1)
    expect(run.exitCode).to.equal(exitCodes.done)
  })

  it('gives who comes back the 10 s anew', async () => {
    await ask()
    await time.pass(9000)
    leave()
    await time.pass(9000)
    runs.listen(run.id)
    await time.pass(9999)
    expect(run.exitCode).to.equal(undefined)
    await time.pass(1)
    expect(run.exitCode).to.equal(exitCodes.done)
  })

  for (const [when, cut] of [
    ['before it', async () => (leave(), ask())],
    ['after it', async () => (await ask(), leave())],
  ] as const) {
    it(`takes for a no that who was cut off ${when} does not come back`, async () => {
      await cut()
      await time.pass(reconnectMs - 1)
      expect(run.exitCode).to.equal(undefined)
      await time.pass(1)
      expect(run.exitCode).to.equal(exitCodes.interrupted)
    })
  }

  it('is a no at once where nobody has been there for long', async () => {
    leave()
    await time.pass(reconnectMs)
    await ask()
    await time.pass(0)
    expect(run.exitCode).to.equal(exitCodes.interrupted)
  })
})
