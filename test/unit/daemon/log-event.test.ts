import { expect } from 'chai'
import { logEvent } from '../../../src/daemon/log-event.ts'
import { createLog } from '../../../src/system/log.ts'

const now = (): Date => new Date('2026-11-20T03:00:00Z')

describe('the log of a hook', () => {
  it('has what it printed, line by line', () => {
    const lines: string[] = []
    const log = createLog({ level: 'info', json: false, now, write: (line) => lines.push(line) })
    logEvent(log, {
      type: 'hook',
      point: 'pre-snapshot',
      container: 'db',
      outcome: 'failed',
      exitCode: 7,
      ms: 12,
      output: 'cannot lock\n\u001b[31mtables\n',
    })
    expect(lines).to.deep.equal([
      '2026-11-20T03:00:00.000Z warn  hook pre-snapshot in db: failed in 12ms\n',
      '2026-11-20T03:00:00.000Z warn  hook pre-snapshot in db | cannot lock\n',
      '2026-11-20T03:00:00.000Z warn  hook pre-snapshot in db | \\x1b[31mtables\n',
    ])
  })
})
