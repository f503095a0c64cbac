import { expect } from 'chai'
import type { Consumer } from '../../../src/docker/consumers.ts'
import { readPolicy } from '../../../src/docker/labels.ts'
import { planQuiesce, planRestoreStop } from '../../../src/docker/quiesce-plan.ts'

function aConsumer(
  name: string,
  labels: Record<string, string> = {},
  differences: Partial<Consumer> = {},
): Consumer {
  const policy = readPolicy(labels)
  return {
    id: name,
    name,
    state: 'running',
    writes: true,
    volumes: ['data'],
    policy,
    ...differences,
  }
}

const order = (name: string, number: number): Consumer =>
  aConsumer(name, { 'snap-volume.stop-order': String(number) })

const plan = (consumers: Consumer[], fallback: 'none' | 'pause' | 'stop'): string[] =>
  planQuiesce(consumers, fallback).map(({ consumer, action }) => `${action} ${consumer.name}`)

describe('planQuiesce', () => {
  it('does what the settings say', () => {
    expect(plan([aConsumer('db')], 'pause')).to.deep.equal(['pause db'])
    expect(plan([aConsumer('db')], 'none')).to.deep.equal([])
  })

  it('does what the label of a consumer says instead', () => {
    const web = aConsumer('web', { 'snap-volume.quiesce': 'none' })
    const db = aConsumer('db', { 'snap-volume.quiesce': 'stop' })
    expect(plan([web, db], 'pause')).to.deep.equal(['stop db'])
  })

  it('leaves those alone that do not run, or only read', () => {
    const consumers = [
      aConsumer('exited', {}, { state: 'exited' }),
      aConsumer('paused', {}, { state: 'paused' }),
      aConsumer('reader', {}, { writes: false }),
    ]
    expect(plan(consumers, 'stop')).to.deep.equal([])
  })

  it('goes by stop-order, then by name', () => {
    const consumers = [order('z', 1), order('b', 0), order('a', 0), order('c', -1)]
    expect(plan(consumers, 'stop')).to.deep.equal(['stop c', 'stop a', 'stop b', 'stop z'])
  })
})

describe('planRestoreStop', () => {
  it('stops all who write, but those whose label says otherwise', () => {
    const consumers = [
      aConsumer('db'),
      aConsumer('web', { 'snap-volume.restore': 'none' }),
      aConsumer('app', { 'snap-volume.restore': 'pause' }),
    ]
    expect(
      planRestoreStop(consumers).map(({ consumer, action }) => [consumer.name, action]),
    ).to.deep.equal([
      ['app', 'pause'],
      ['db', 'stop'],
    ])
  })
})
