import { expect } from 'chai'
import {
  assertNotInUse,
  canAskForFiles,
  describeWriters,
  warnOfUse,
} from '../../../../src/actions/restore/describe-writers.ts'
import type { StoreConfig } from '../../../../src/actions/context.ts'
import type { Consumer } from '../../../../src/docker/consumers.ts'
import { readPolicy } from '../../../../src/docker/labels.ts'
import { OperationError } from '../../../../src/errors.ts'

function aConsumer(differences: Partial<Consumer> = {}, restore = 'stop'): Consumer {
  const policy = readPolicy({ 'snap-volume.restore': restore })
  const one = { id: 'db', name: 'db', state: 'running', writes: true, volumes: ['data'], policy }
  return { ...one, ...differences }
}

const contextWith = (hasDockerApi: boolean) => ({ config: { hasDockerApi } as StoreConfig })

describe('describeWriters', () => {
  it('names those that run, and what is done with them', () => {
    const consumers = [aConsumer(), aConsumer({ id: 'old', state: 'exited' })]
    const { containers } = describeWriters(contextWith(true), { consumers, unknown: undefined })
    expect(containers).to.deep.equal([
      { name: 'db', state: 'running', writes: true, action: 'stop' },
    ])
  })

  for (const [hasDockerApi, expected] of [
    [false, /^no API$/],
    [true, /^no API; the sidecar of this store can reach the Docker API/],
  ] as const) {
    it(`says why nobody can know, where the sidecar has ${hasDockerApi ? 'the' : 'no'} API`, () => {
      const found = { consumers: [], unknown: 'no API' }
      expect(describeWriters(contextWith(hasDockerApi), found).unknown).to.match(expected)
    })
  }
})

describe('canAskForFiles', () => {
  const cases: [title: string, consumers: Consumer[], isHeld: boolean, expected: boolean][] = [
    ['nobody is known', [], false, true],
    ['none runs', [aConsumer({ state: 'exited' })], false, true],
    ['one runs that will be stopped', [aConsumer()], false, false],
    ['all that ran are stopped', [aConsumer()], true, true],
    ['one is paused for the restore', [aConsumer({}, 'pause')], true, false],
    ['one is left alone', [aConsumer({}, 'none')], true, false],
    ['one only reads', [aConsumer({ writes: false })], true, false],
  ]
  for (const [title, consumers, isHeld, expected] of cases) {
    it(`is ${expected} where ${title}`, () => {
      expect(canAskForFiles(consumers, isHeld)).to.equal(expected)
    })
  }
})

describe('files that are open', () => {
  const files = { asked: 9, open: 2, paths: ['data/a', 'data/b'], unknown: 0 }

  it('are a reason to refuse, and one to warn', () => {
    expect(() => assertNotInUse(files)).to.throw(OperationError, /2 of the 9 files .*--force/)
    expect(warnOfUse(files)).to.have.length(1)
  })

  it('are none where none is', () => {
    expect(() => assertNotInUse({ ...files, open: 0 })).not.to.throw()
    expect(warnOfUse({ ...files, open: 0 })).to.deep.equal([])
  })
})
