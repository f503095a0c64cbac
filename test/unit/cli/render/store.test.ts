import { expect } from 'chai'
import type { StoreDescription } from '../../../../src/actions/describe-store.ts'
import { formatStore } from '../../../../src/cli/render/store.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'
import { aDescription } from '../../support/store-description.ts'

const now = new Date('2026-11-20T12:00:00Z')

describe('formatStore', () => {
  it('tells volumes, schedule with its next run, and retention', () => {
    const text = formatStore(aDescription(), now)
    for (const part of [
      '/srv/data -> /opt/.snap/@GMT-YYYY/data',
      'engine rsync (works everywhere)',
      '0 3 * * * (GMT)',
      '2026-11-21T03:00:00.000Z (in 15h)',
      'the newest 7 and the pinned ones',
    ]) {
      expect(text).to.include(part)
    }
  })

  it('says that no daemon runs', () => {
    const stopped = aDescription({ daemon: { running: false, nextRun: null } })
    expect(formatStore(stopped, now)).to.include('none: no daemon runs')
  })

  it('says that a run is under way', () => {
    const late = aDescription({ daemon: { running: true, nextRun: '2026-11-20T11:59:00.000Z' } })
    expect(formatStore(late, now)).to.include('(under way)')
  })

  it('tells what it can of a store without a configuration', () => {
    expect(formatStore(aDescription({ config: undefined }), now)).to.match(
      /^store +\/opt\/\.snap\nsnapshots +1\n/,
    )
  })

  const { config } = aDescription()
  const texts: [what: string, part: Partial<StoreDescription>][] = [
    ['the directory', { directory: steeringText }],
    ['the schedule', { config: config && { ...config, cron: steeringText } }],
    ['the time zone', { config: config && { ...config, timeZone: steeringText } }],
  ]
  for (const [what, part] of texts) {
    it(`lets ${what} steer no terminal`, () => {
      expect(formatStore(aDescription(part), now)).not.to.match(steeringCharacters)
    })
  }
})
