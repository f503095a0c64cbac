import { expect } from 'chai'
import { findEndedSince, whoRanBefore } from '../../../src/actions/ran-before.ts'
import type { ContainerState, DockerClient } from '../../../src/docker/client.ts'
import type { Consumer } from '../../../src/docker/consumers.ts'
import { readPolicy } from '../../../src/docker/labels.ts'
import type { RestoreJournal } from '../../../src/store/restore-journal.ts'

const exitCodes: Record<string, number> = { well: 0, 'by-hand': 143, killed: 137, failed: 1 }

const journal: RestoreJournal = {
  schema: 1,
  snapshot: '@GMT-2026.11.20-03.00.00',
  safety: '@GMT-2026.11.20-04.00.00',
  undo: false,
  volumes: [{ id: 'data', path: '/data' }],
  consumers: [...Object.keys(exitCodes), 'up', 'gone'].map((name) => ({ id: name, name })),
  startedAt: '2026-11-20T04:00:00.000Z',
  finishedAt: '2026-11-20T04:00:01.000Z',
}

function aConsumer(name: string): Consumer {
  const state = name === 'up' ? 'running' : 'exited'
  return { id: name, name, state, writes: true, volumes: ['data'], policy: readPolicy({}) }
}

const client = {
  inspect: async (id: string) =>
    Promise.resolve({ running: false, exitCode: exitCodes[id] } as ContainerState),
} as DockerClient

async function toStart(isUndo: boolean, before = journal): Promise<string[]> {
  const consumers = [...Object.keys(exitCodes), 'up', 'another'].map(aConsumer)
  const found = await findEndedSince(client, whoRanBefore(before, isUndo), consumers)
  return found.map(({ name }) => name)
}

describe('Who runs after a restore because it ran before an earlier one', () => {
  it('is whoever failed since', async () => {
    expect(await toStart(false)).to.deep.equal(['failed'])
  })

  it('is whoever does not run, after an undo', async () => {
    expect(await toStart(true)).to.deep.equal(['well', 'by-hand', 'killed', 'failed'])
  })

  it('is the same after a restore that was cut off', async () => {
    const cutOff = { ...journal, finishedAt: null }
    expect(await toStart(false, cutOff)).to.have.length(4)
  })

  it('is nobody where none was stopped', async () => {
    const { consumers: _, ...without } = journal
    expect(await toStart(true, without)).to.deep.equal([])
  })
})
