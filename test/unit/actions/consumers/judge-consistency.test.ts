import { expect } from 'chai'
import type { VolumeCopy } from '../../../../src/actions/snapshot/copy-volume.ts'
import {
  judgeConsistency,
  weakestHolding,
} from '../../../../src/actions/consumers/judge-consistency.ts'
import type { Consumer } from '../../../../src/docker/consumers.ts'
import { readPolicy } from '../../../../src/docker/labels.ts'

function aConsumer(name: string, writes = true): Consumer {
  return { id: name, name, state: 'running', writes, volumes: ['data'], policy: readPolicy({}) }
}

const moved = [{ hasMoved: true, volume: { id: 'data', engine: 'link' } }] as VolumeCopy[]

describe('weakestHolding', () => {
  it('goes by the consumer that was held least', () => {
    const held = weakestHolding(
      [aConsumer('web'), aConsumer('db')],
      ({ name }) => (name === 'db' ? 'paused' : 'stopped'),
      'live',
    )
    expect(held).to.equal('paused')
  })

  it('does not ask those that only read', () => {
    const consumers = [aConsumer('reader', false), aConsumer('db')]
    const held = weakestHolding(
      consumers,
      ({ name }) => (name === 'db' ? 'stopped' : 'live'),
      'live',
    )
    expect(held).to.equal('stopped')
  })

  it('says what is so without any, where none can write', () => {
    expect(weakestHolding([aConsumer('reader', false)], () => 'stopped', 'live')).to.equal('live')
  })
})

describe('judgeConsistency', () => {
  it('takes what moved while consumers were held for somebody else at work, and warns', () => {
    const { consistency, warnings } = judgeConsistency('paused', moved, true)
    expect([consistency, warnings.length]).to.deep.equal(['live', 1])
  })

  it('does not warn where nobody was to be held', () => {
    expect(judgeConsistency('paused', moved, false)).to.deep.equal({
      consistency: 'live',
      warnings: [],
    })
  })
})
