import { expect } from 'chai'
import type { Hold } from '../../../../src/actions/consumers/hold.ts'
import {
  findEndedSince,
  hasFailed,
  warnOfLeftStopped,
  whoRanBefore,
} from '../../../../src/actions/consumers/ran-before.ts'
import type { DockerClient } from '../../../../src/docker/client.ts'
import type { ContainerState } from '../../../../src/docker/describe-container.ts'
import type { Consumer } from '../../../../src/docker/consumers.ts'
import { readPolicy } from '../../../../src/docker/labels.ts'
import type { RestoreJournal } from '../../../../src/store/restore-journal.ts'

/**
 * Exit code, and how long after the restore it ended, in seconds; it was started when that was
 * done.
 */
const ended: Record<string, [exitCode: number, seconds: number]> = {
  'well at once': [0, 2],
  'by-hand': [143, 3600],
  'soon by hand': [137, 30],
  failed: [1, 30],
  'failed-later': [1, 3600],
}

const journal: RestoreJournal = {
  schema: 1,
  snapshot: '@GMT-2026.11.20-03.00.00',
  safety: '@GMT-2026.11.20-04.00.00',
  undo: false,
  volumes: [{ id: 'data', path: '/data' }],
  consumers: [...Object.keys(ended), 'up', 'gone'].map((name) => ({ id: name, name })),
  startedAt: '2026-11-20T04:00:00.000Z',
  finishedAt: '2026-11-20T04:00:01.000Z',
}

const restoredMs = Date.parse(journal.finishedAt ?? '')

function aConsumer(name: string): Consumer {
  const state = name === 'up' ? 'running' : 'exited'
  return { id: name, name, state, writes: true, volumes: ['data'], policy: readPolicy({}) }
}

const client = {
  inspect: async (id: string) => {
    const [exitCode = 0, seconds = 0] = ended[id] ?? []
    const startedAt = new Date(restoredMs).toISOString()
    const finishedAt = new Date(restoredMs + seconds * 1000).toISOString()
    return Promise.resolve({ running: false, exitCode, startedAt, finishedAt } as ContainerState)
  },
} as DockerClient

async function toStart(isUndo: boolean, before = journal): Promise<string[]> {
  const consumers = [...Object.keys(ended), 'up', 'another'].map(aConsumer)
  const found = await findEndedSince(client, whoRanBefore(before, isUndo), consumers)
  return found.map(({ name }) => name)
}

describe('Who runs after a restore because it ran before an earlier one', () => {
  it('is whoever ended at once, or failed soon', async () => {
    expect(await toStart(false)).to.deep.equal(['well at once', 'failed'])
  })

  it('is named where it is left stopped', async () => {
    const consumers = [...Object.keys(ended), 'up', 'another'].map(aConsumer)
    const ranBefore = whoRanBefore(journal, false)
    const stopped = (await findEndedSince(client, ranBefore, consumers)).map(({ id, name }) => {
      return { id, name, action: 'stop' as const }
    })
    const hold = { found: { consumers }, stopped } as unknown as Hold
    const told = warnOfLeftStopped(hold, ranBefore).map(({ message }) => message)
    expect(told).to.have.length(3)
    expect(told.join()).to.match(/container by-hand ran .*"docker start by-hand".*failed-later/)
  })

  it('has failed where it ended soon, and not well', async () => {
    const restoredAt = new Date(restoredMs)
    const failed = []
    for (const id of Object.keys(ended))
      if (await hasFailed(client, id, restoredAt)) failed.push(id)
    expect(failed).to.deep.equal(['failed'])
  })

  it('is whoever does not run, after an undo', async () => {
    expect(await toStart(true)).to.deep.equal(Object.keys(ended))
  })

  it('is the same after a restore that was cut off', async () => {
    const cutOff = { ...journal, finishedAt: null }
    expect(await toStart(false, cutOff)).to.have.length(5)
  })

  it('is nobody where none was stopped', async () => {
    const { consumers: _, ...without } = journal
    expect(await toStart(true, without)).to.deep.equal([])
  })
})
