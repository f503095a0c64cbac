import { expect } from 'chai'
import { takeSnapshot } from '../../src/actions/snapshot/take-snapshot.ts'
import { storeLayout } from '../../src/store/layout.ts'
import { useStore } from '../support/test-store.ts'
import { contextInProcess } from './support/in-process.ts'

describe('A clock', () => {
  const store = useStore()

  async function takeAt(time: string): Promise<{ name: string; warnings: string[] }> {
    const context = contextInProcess(storeLayout(store.directory), {
      volumes: [{ id: 'data', path: store.data }],
      maxSnapshots: 128,
      engine: 'auto',
    })
    const clock = { now: () => new Date(time), sleep: () => Promise.resolve() }
    const { record } = await takeSnapshot({ ...context, clock }, { kind: 'manual' })
    return { name: record.name, warnings: record.warnings.map(({ code }) => code) }
  }

  it('that stands still for two runs gives them two seconds', async () => {
    const first = await takeAt('2026-11-20T03:00:00.100Z')
    const second = await takeAt('2026-11-20T03:00:00.900Z')
    expect([first.name, second.name]).to.deep.equal([
      '@GMT-2026.11.20-03.00.00',
      '@GMT-2026.11.20-03.00.01',
    ])
  })

  it('that was set back names the next snapshot after the newest, and is told of', async () => {
    await takeAt('2026-11-20T03:00:00Z')
    const { name, warnings } = await takeAt('2026-11-19T03:00:00Z')
    expect(name).to.equal('@GMT-2026.11.20-03.00.01')
    expect(warnings).to.deep.equal(['clock'])
  })

  it('that was set back and is right again names by the time again, without a warning', async () => {
    await takeAt('2026-11-20T03:00:00Z')
    await takeAt('2026-11-19T03:00:00Z')
    const { name, warnings } = await takeAt('2026-11-21T03:00:00Z')
    expect(name).to.equal('@GMT-2026.11.21-03.00.00')
    expect(warnings).to.deep.equal([])
  })

  it('is not believed where it says a time before this program, and names keep their order', async () => {
    await takeAt('2026-11-20T03:00:00Z')
    for (const time of ['1970-01-01T00:00:10Z', '2024-12-31T00:00:00Z']) {
      const { name, warnings } = await takeAt(time)
      expect(name).to.match(/^@GMT-2026\.11\.20-03\.00\.0[12]$/)
      expect(warnings).to.deep.equal(['clock'])
    }
  })

  it('that was ahead by a day or less names the next ones after it, by more by themselves', async () => {
    const first = await takeAt('2026-11-21T03:00:00Z')
    expect((await takeAt('2026-11-20T03:00:00Z')).name).to.equal('@GMT-2026.11.21-03.00.01')
    expect((await takeAt('2026-11-20T02:59:00Z')).name).to.equal('@GMT-2026.11.20-02.59.00')
    const { name, warnings } = await takeAt('2026-11-20T02:59:30Z')
    expect(name).to.equal('@GMT-2026.11.20-02.59.30')
    expect(warnings).to.deep.equal([])
    expect((await takeAt('2026-11-22T03:00:00Z')).name > first.name).to.equal(true)
  })

  it('is GMT over a change to summer time', async () => {
    const names = [
      await takeAt('2026-03-29T00:59:59Z'),
      await takeAt('2026-03-29T01:00:00Z'),
      await takeAt('2026-10-25T00:30:00Z'),
      await takeAt('2026-10-25T01:30:00Z'),
    ].map(({ name }) => name)
    expect(names).to.deep.equal([
      '@GMT-2026.03.29-00.59.59',
      '@GMT-2026.03.29-01.00.00',
      '@GMT-2026.10.25-00.30.00',
      '@GMT-2026.10.25-01.30.00',
    ])
  })
})
