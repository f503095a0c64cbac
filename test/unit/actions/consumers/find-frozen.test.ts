import { expect } from 'chai'
import { findFrozen, findLeftFrozen } from '../../../../src/actions/consumers/find-frozen.ts'
import { DeniedError } from '../../../../src/docker/call.ts'
import type { DockerClient } from '../../../../src/docker/client.ts'
import type { ContainerState } from '../../../../src/docker/describe-container.ts'
import { OperationError } from '../../../../src/errors.ts'
import { manualClock } from '../../support/manual-clock.ts'

const { clock } = manualClock()
const denied = new DeniedError('not allowed')
const onV2 = 'OCI runtime pause failed: timeout of 10s reached waiting for the cgroup to freeze'
const onV1 = 'OCI runtime pause failed: unable to freeze'
const mark = { since: '2026-11-20T03:00:00.000Z', startedAt: 'then' }

async function answer<T>(value: T | Error): Promise<T> {
  if (value instanceof Error) throw value
  return Promise.resolve(value)
}

/**
 * An Engine that says of the only container whether it is frozen, and what it is else; an error is
 * thrown.
 */
function engine(isFrozen: boolean | Error, state?: Partial<ContainerState> | Error): DockerClient {
  return {
    isFrozen: async () => answer(isFrozen),
    inspect: async () => answer(state),
  } as unknown as DockerClient
}

describe('findLeftFrozen', () => {
  it('notes when a container was started that is frozen', async () => {
    const found = await findLeftFrozen(engine(true, { startedAt: 'then' }), clock, 'x', onV1)
    expect(found).to.deep.equal({ since: clock.now().toISOString(), startedAt: 'then' })
  })

  it('notes it too where nobody may look when it was started', async () => {
    const found = await findLeftFrozen(engine(true, denied), clock, 'x', onV1)
    expect(found).to.deep.equal({ since: clock.now().toISOString() })
  })

  it('finds nothing when it runs, whatever the pause said', async () => {
    expect(await findLeftFrozen(engine(false), clock, 'x', onV2)).to.equal(undefined)
  })

  it('goes by the words of the pause where nobody may execute', async () => {
    const client = engine(denied, { startedAt: 'then' })
    expect(await findLeftFrozen(client, clock, 'x', onV2)).to.include({ startedAt: 'then' })
    expect(await findLeftFrozen(client, clock, 'x', onV1)).to.equal(undefined)
  })
})

describe('findFrozen', () => {
  it('keeps since when it was known', async () => {
    expect(await findFrozen(engine(true), clock, 'x', mark)).to.equal(mark)
  })

  it('finds nothing any more when it runs', async () => {
    expect(await findFrozen(engine(false), clock, 'x', mark)).to.equal(undefined)
  })

  it('throws what keeps it from being known', async () => {
    const timeout = new OperationError('no answer')
    const error = await findFrozen(engine(timeout), clock, 'x', undefined).catch((e: unknown) => e)
    expect(error).to.equal(timeout)
  })

  const starts: [what: string, state: Partial<ContainerState> | Error | undefined, is: boolean][] =
    [
      ['is as it was started', { running: true, startedAt: 'then' }, true],
      ['was started again', { running: true, startedAt: 'later' }, false],
      ['does not run', { running: false, startedAt: 'then' }, false],
      ['is gone', undefined, false],
      ['may not be looked at', denied, true],
    ]
  for (const [what, state, is] of starts) {
    it(`says ${is} where nobody may execute and a frozen one ${what}`, async () => {
      const found = await findFrozen(engine(denied, state), clock, 'x', mark)
      expect(found).to.equal(is ? mark : undefined)
    })
  }

  it('takes one that was not found frozen for one that runs where nobody may execute', async () => {
    expect(await findFrozen(engine(denied), clock, 'x', undefined)).to.equal(undefined)
  })
})
