import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { lastDocumentOf } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'

const everySecond = '* * * * * *'

describe('The daemon', function () {
  this.timeout(120_000)
  const store = useStore()

  /** As if it had been taken an hour ago. */
  function age(name: string): void {
    const path = join(store.directory, name, '.snapshot.json')
    const record = JSON.parse(readFileSync(path, 'utf8')) as { finishedAt: string }
    record.finishedAt = new Date(Date.parse(record.finishedAt) - 3_600_000).toISOString()
    writeFileSync(path, JSON.stringify(record))
  }

  async function recorded(): Promise<unknown> {
    const finished = await store.run(['verify', '--new', '--json'])
    return lastDocumentOf(finished)['recorded']
  }

  it('records what is new, once it has rested', async () => {
    const name = await store.snapshot()
    age(name)
    const daemon = await store.startDaemon({ env: { SNAP_LOG_LEVEL: 'debug' } })
    await daemon.line(/verified: --new/)
    await daemon.stop()
    expect(await recorded()).to.equal(0)
  })

  it('leaves a snapshot alone that is young, and all with SNAP_VERIFY_NEW=false', async () => {
    const name = await store.snapshot()
    for (const env of [{}, { SNAP_VERIFY_NEW: 'false' }]) {
      const daemon = await store.startDaemon({ env })
      await sleep(2000)
      await daemon.stop()
      age(name)
    }
    expect(await recorded()).to.equal(1)
  })

  it('verifies all on SNAP_VERIFY_CRON, and tells what is damaged', async () => {
    const name = await store.snapshot()
    await store.run(['verify'])
    await shellIn(store.dataIn(name), 'chmod 600 hello.txt')
    const daemon = await store.startDaemon({ env: { SNAP_VERIFY_CRON: everySecond } })
    const line = await daemon.line(/damaged: /)
    expect(line).to.contain(`data/hello.txt (metadata, in ${name})`)
    await daemon.stop()
    const status = lastDocumentOf(await store.run(['status', '--json']))
    expect(status['verified']).to.deep.include({ damaged: { [name]: 1 } })
  })
})
