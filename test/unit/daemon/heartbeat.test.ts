import { expect } from 'chai'
import { startHeartbeat } from '../../../src/daemon/heartbeat.ts'
import { createLog } from '../../../src/system/log.ts'

describe('startHeartbeat', () => {
  const lines: string[] = []
  const log = createLog({
    level: 'error',
    json: false,
    now: () => new Date(0),
    write: (line) => lines.push(line),
  })

  it('beats at once', async () => {
    let beats = 0
    const heartbeat = await startHeartbeat(() => void (beats += 1), log)
    heartbeat.stop()
    expect(beats).to.equal(1)
  })

  it('tells of a beat that fails, and goes on', async () => {
    const heartbeat = await startHeartbeat(() => Promise.reject(new Error('EIO')), log)
    heartbeat.stop()
    expect(lines.join('')).to.match(/error +the heartbeat failed: EIO; is the store still mounted/)
  })
})
