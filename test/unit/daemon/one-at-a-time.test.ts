import { expect } from 'chai'
import { type RunReason, createOneAtATime } from '../../../src/daemon/one-at-a-time.ts'

function setUp() {
  const begun: RunReason[] = []
  const skipped: [RunReason, number][] = []
  let finish: (() => void) | undefined
  const runner = createOneAtATime(
    (reason) => {
      begun.push(reason)
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    },
    (reason, count) => skipped.push([reason, count]),
    (error) => {
      throw error
    },
  )
  return { runner, begun, skipped, finish: () => finish?.() }
}

describe('createOneAtATime', () => {
  it('begins at once, and says why', () => {
    const { runner, begun } = setUp()
    runner.trigger('start')
    expect(begun).to.deep.equal(['start'])
  })

  it('skips a trigger while a run is under way', () => {
    const { runner, begun } = setUp()
    runner.trigger('start')
    runner.trigger('schedule')
    expect(begun).to.deep.equal(['start'])
  })

  it('tells of every trigger it skipped, and counts them', () => {
    const { runner, skipped } = setUp()
    runner.trigger('start')
    runner.trigger('schedule')
    runner.trigger('catch-up')
    expect(skipped).to.deep.equal([
      ['schedule', 1],
      ['catch-up', 2],
    ])
  })

  it('does not make up for a skipped trigger', async () => {
    const { runner, begun, finish } = setUp()
    runner.trigger('start')
    runner.trigger('schedule')
    finish()
    await runner.idle()
    expect(begun).to.deep.equal(['start'])
  })

  it('runs again after the run before has ended', async () => {
    const { runner, begun, finish } = setUp()
    runner.trigger('start')
    finish()
    await runner.idle()
    runner.trigger('schedule')
    expect(begun).to.deep.equal(['start', 'schedule'])
  })

  it('is idle when nothing was triggered', async () => {
    await setUp().runner.idle()
  })

  it('is idle only when the run under way has ended', async () => {
    const { runner, finish } = setUp()
    const order: string[] = []
    runner.trigger('start')
    const idle = runner.idle().then(() => order.push('idle'))
    await Promise.resolve()
    order.push('finish')
    finish()
    await idle
    expect(order).to.deep.equal(['finish', 'idle'])
  })

  it('tells of a run that throws, and runs the next one', async () => {
    const errors: unknown[] = []
    const runner = createOneAtATime(
      () => Promise.reject(new Error('EIO')),
      () => undefined,
      (error) => errors.push(error),
    )
    runner.trigger('schedule')
    await runner.idle()
    runner.trigger('schedule')
    await runner.idle()
    expect(errors).to.have.length(2)
  })
})
