import { expect } from 'chai'
import type { Hold } from '../../../../src/actions/consumers/hold.ts'
import { waitUntilHealthy } from '../../../../src/actions/restore/wait-until-healthy.ts'
import type { DockerClient } from '../../../../src/docker/client.ts'
import type { ContainerState } from '../../../../src/docker/describe-container.ts'
import { manualClock } from '../../support/manual-clock.ts'

const starting = { running: true, health: 'starting' } as ContainerState

/** One container that was stopped, of which the Engine says what `state` returns. */
function holdOf(state: () => ContainerState | undefined): Hold {
  const client = { inspect: async () => Promise.resolve(state()) } as unknown as DockerClient
  return { client, stopped: [{ id: 'a', name: 'db', action: 'stop' }] } as unknown as Hold
}

const emit = (): void => undefined

describe('waitUntilHealthy', () => {
  it('waits two minutes for a container that does not get healthy, and tells of it', async () => {
    const time = manualClock()
    let isOver = false
    const waiting = waitUntilHealthy(
      { clock: time.clock, emit },
      holdOf(() => starting),
    ).finally(() => (isOver = true))
    await time.pass(119_000)
    expect(isOver).to.equal(false)
    await time.pass(1000)
    expect(await waiting).to.deep.equal([
      {
        code: 'consumer-unhealthy',
        message: 'the container db is starting 120 s after it was started: see "docker logs db"',
      },
    ])
  })

  it('waits no longer for one whose health checks do not run than the first may take, and says so', async () => {
    const time = manualClock()
    let isOver = false
    const waiting = waitUntilHealthy(
      { clock: time.clock, emit },
      holdOf(() => ({ ...starting, firstCheckWithinMs: 8000 })),
    ).finally(() => (isOver = true))
    await time.pass(12_000)
    expect(isOver).to.equal(false)
    await time.pass(1000)
    expect(await waiting).to.deep.equal([
      {
        code: 'consumer-unhealthy',
        message:
          'the container db is starting 13 s after it was started, and no health check has run there (podman runs them by timers of systemd): see "docker inspect db"',
      },
    ])
  })

  it('goes on waiting for one of which a health check has run meanwhile', async () => {
    const time = manualClock()
    let state: ContainerState = { ...starting, firstCheckWithinMs: 8000 }
    const waiting = waitUntilHealthy(
      { clock: time.clock, emit },
      holdOf(() => state),
    )
    await time.pass(12_000)
    state = starting
    await time.pass(60_000)
    state = { ...starting, health: 'healthy' }
    await time.pass(1000)
    expect(await waiting).to.deep.equal([])
  })

  it('does not wait any longer when it is interrupted, and says for how long it did', async () => {
    const time = manualClock()
    const interruption = new AbortController()
    const waiting = waitUntilHealthy(
      { clock: time.clock, emit, signal: interruption.signal },
      holdOf(() => starting),
    )
    await time.pass(5000)
    interruption.abort()
    await time.pass(0)
    expect((await waiting)[0]?.message).to.contain('is starting 5 s after it was started')
  })

  it('does not wait for one that is gone', async () => {
    const time = manualClock()
    const [warning] = await waitUntilHealthy(
      { clock: time.clock, emit },
      holdOf(() => undefined),
    )
    expect(warning?.message).to.contain('is not running')
  })
})
