import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { lastDocumentOf } from '../support/cli.ts'
import { holdLock } from '../support/hold-lock.ts'
import { useStore } from '../support/test-store.ts'

interface Status {
  health: { findings: { level: string; code: string }[] }
}

describe('status, of containers that are paused or stopped', () => {
  const store = useStore()

  async function levelsWith(purpose: string): Promise<string[]> {
    const directory = join(store.directory, '.snap-volume/journal')
    const consumers = [{ id: '0'.repeat(64), name: 'db', action: 'stop' }]
    const startedAt = new Date().toISOString()
    await mkdir(directory, { recursive: true })
    const journal = { schema: 1, purpose, startedAt, consumers }
    await writeFile(join(directory, 'consumers.json'), JSON.stringify(journal))
    const { health } = lastDocumentOf(await store.run(['status', '--json'])) as unknown as Status
    return health.findings
      .filter(({ code }) => code === 'consumer-not-resumed')
      .map(({ level }) => level)
  }

  it('is critical at once when they were left so', async () => {
    expect(await levelsWith('snapshot')).to.deep.equal(['critical'])
  })

  it('is critical at once when they did not come back', async () => {
    expect(await levelsWith('did not come back')).to.deep.equal(['critical'])
  })

  it('says nothing while a snapshot holds them', async () => {
    const lock = await holdLock(store.directory, 'consumers.lock')
    const levels = await levelsWith('snapshot')
    await lock.release()
    expect(levels).to.deep.equal([])
  })
})
