import { expect } from 'chai'
import type { ActionEvent } from '../../../../src/actions/events.ts'
import { createEventPrinter, formatEvent } from '../../../../src/cli/render/event-printer.ts'
import { formatProgress } from '../../../../src/cli/render/progress-bar.ts'
import { fakeTerminal } from '../../support/fake-terminal.ts'

const progress = {
  type: 'progress',
  volume: 'db',
  elapsedMs: 10_000,
  files: 50,
  totalFiles: 100,
  bytes: 20_000_000,
  fraction: 0.5,
} as const

const events: ActionEvent[] = [
  { type: 'phase', phase: 'lock' },
  { type: 'waiting', holder: '"prune" runs' },
  { type: 'phase', phase: 'copy', volume: 'db', detail: '/srv/db' },
  progress,
  { type: 'warning', code: 'vanished', message: 'a\nb', volume: 'db', paths: ['x'] },
  { type: 'published', name: '@GMT-2026.11.20-03.00.00', kind: 'manual' },
  { type: 'removed', name: '@GMT-2026.11.19-03.00.00', reason: 'older' },
  { type: 'adopted', name: '@GMT-2014.11.19-03.00.00' },
]

async function printJson() {
  const { terminal, output, messages } = fakeTerminal()
  const printer = await createEventPrinter(terminal, true)
  for (const event of events) printer.emit(event)
  printer.result({ type: 'result', removed: [] }, 'for people\n')
  printer.end()
  return { lines: output().split('\n'), messages: messages() }
}

async function printText() {
  const { terminal, output, messages } = fakeTerminal()
  const printer = await createEventPrinter(terminal, false)
  for (const event of events) printer.emit(event)
  printer.result({ type: 'result' }, 'for people\n')
  printer.end()
  return { output: output(), messages: messages() }
}

describe('the event printer', () => {
  describe('with --json', () => {
    it('prints every event, and then the result, as a document on a line of its own', async () => {
      const { lines } = await printJson()
      expect(lines.slice(0, -1).map((line) => JSON.parse(line) as unknown)).to.deep.equal([
        ...events,
        { type: 'result', removed: [] },
      ])
    })

    it('ends the last line too', async () => {
      expect((await printJson()).lines.at(-1)).to.equal('')
    })

    it('prints nothing on standard error', async () => {
      expect((await printJson()).messages).to.equal('')
    })
  })

  describe('without', () => {
    it('prints the result alone on standard output', async () => {
      expect((await printText()).output).to.equal('for people\n')
    })

    it('prints what people should know on standard error, and no progress where no terminal is', async () => {
      expect((await printText()).messages).to.equal(
        [
          'waiting for the store: "prune" runs',
          'snapshot of db: reading /srv/db',
          'warning: db: a\\x0ab: x',
          'removed @GMT-2026.11.19-03.00.00: older',
          'adopted @GMT-2014.11.19-03.00.00 from the predecessor',
          '',
        ].join('\n'),
      )
    })
  })
})

describe('formatEvent', () => {
  it('names the safety snapshot of a restore', () => {
    expect(formatEvent({ type: 'published', name: 'N', kind: 'safety' })).to.equal(
      'the data as they are now are kept as N',
    )
  })

  it('names the volume that is written by a restore', () => {
    expect(
      formatEvent({ type: 'phase', phase: 'restore', volume: 'db', detail: '/srv/db' }),
    ).to.equal('restore of db: writing /srv/db')
  })

  const hostile: [what: string, event: Parameters<typeof formatEvent>[0]][] = [
    ['the holder of a lock', { type: 'waiting', holder: '\u001b[2J' }],
    ['a warning', { type: 'warning', code: 'x', message: '\u001b[2J' }],
    ['a path', { type: 'phase', phase: 'copy', volume: 'db', detail: '\u001b[2J' }],
  ]
  for (const [what, event] of hostile) {
    it(`lets ${what} steer no terminal`, () => {
      expect(formatEvent(event)).to.include('\\x1b[2J')
    })
  }
})

describe('formatProgress', () => {
  it('tells files, bytes, rate and time left', () => {
    expect(formatProgress(progress)).to.equal('50/100 files, 20 MB, 2 MB/s, 10s left')
  })

  it('tells no time left before it can know', () => {
    expect(formatProgress({ ...progress, fraction: 0, bytes: 0 })).to.equal(
      '50/100 files, 0 B, 0 B/s',
    )
  })

  it('tells no rate before any time has passed', () => {
    expect(formatProgress({ ...progress, elapsedMs: 0 })).to.include(', 0 B/s')
  })
})
