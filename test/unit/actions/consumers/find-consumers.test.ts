import { expect } from 'chai'
import type { ActionContext } from '../../../../src/actions/context.ts'
import { lookForConsumers } from '../../../../src/actions/consumers/find-consumers.ts'
import { UnreachableError } from '../../../../src/docker/call.ts'
import type { DockerClient } from '../../../../src/docker/client.ts'
import { OperationError } from '../../../../src/errors.ts'

const dead = new UnreachableError('the Docker API cannot be reached')
const denied = new OperationError('the Docker API does not allow GET /containers/json (403)')

async function look(
  kind: 'snapshot' | 'restore',
  error: Error,
  isAskedFor: boolean,
): Promise<string[]> {
  const client: Pick<DockerClient, 'listContainers'> = {
    listContainers: () => Promise.reject(error),
  }
  const context = {
    docker: () =>
      Promise.resolve({ client: client as DockerClient, missing: undefined, isAskedFor }),
    config: { quiesce: 'pause' },
    inImage: false,
    emit: () => undefined,
  } as unknown as ActionContext
  const { warnings } = await lookForConsumers(context, kind, [{ id: 'data', path: '/data' }])
  return warnings.map(({ code }) => code)
}

async function refusalOf(error: Error, isAskedFor: boolean): Promise<string> {
  return look('restore', error, isAskedFor).then(
    () => 'restored',
    (refusal: unknown) => String(refusal),
  )
}

describe('a Docker API that does not tell who uses the data', () => {
  it('leaves a snapshot live, which is told of', async () => {
    expect(await look('snapshot', denied, true)).to.deep.equal(['docker'])
    expect(await look('snapshot', dead, false)).to.deep.equal(['docker'])
  })

  it('keeps a restore away', async () => {
    expect(await refusalOf(denied, false)).to.contain('nothing was restored')
    expect(await refusalOf(dead, true)).to.contain('nothing was restored')
  })

  it('is no Engine where a socket was left by one, and nobody named it', async () => {
    expect(await refusalOf(dead, false)).to.equal('restored')
  })
})
