import { expect } from 'chai'
import type { ActionEvent } from '../../../src/actions/events.ts'
import { type ProgressReport, reportProgress } from '../../../src/actions/report-progress.ts'
import { manualClock } from '../support/manual-clock.ts'

describe('reportProgress', () => {
  let events: ActionEvent[]
  let progress: ProgressReport

  beforeEach(() => {
    events = []
    const emit = (event: ActionEvent): void => void events.push(event)
    progress = reportProgress({ clock: manualClock().clock, emit }, 'db')
  })

  const advance = (fraction: number): void =>
    progress.onProgress({ files: 3, totalFiles: 10, bytes: 7, fraction })
  const fractions = (): number[] =>
    events.map((event) => (event.type === 'progress' ? event.fraction : Number.NaN))

  it('never goes back where the next program begins anew, and is 1 at the end only', () => {
    for (const fraction of [0, 0.6, 1, 0, 0.4, 1, 0.2]) advance(fraction)
    progress.end()
    expect(fractions()).to.deep.equal([0, 0.6, 0.99, 0.99, 0.99, 0.99, 0.99, 1])
    expect(events.at(-1)).to.include({ volume: 'db', files: 10, totalFiles: 10, bytes: 7 })
  })

  it('begins anew for the next phase', () => {
    advance(0.5)
    progress.end()
    advance(0.1)
    expect(fractions()).to.deep.equal([0.5, 1, 0.1])
  })

  it('tells no end of what nobody was told of', () => {
    progress.end()
    expect(events).to.deep.equal([])
  })
})
