import { expect } from 'chai'
import type { StoreDescription } from '../../../../src/actions/report/store.ts'
import { formatStore } from '../../../../src/cli/render/store.ts'
import { noRules } from '../../../../src/config/keep-rules.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'
import { aDescription } from '../../support/store-description.ts'

const noConsumers = { consumers: [], unknown: undefined }
const now = new Date('2026-11-20T12:00:00Z')

describe('formatStore', () => {
  const { config } = aDescription()

  it('tells the rules of retention', () => {
    const rules = { ...noRules, hourly: 24, daily: 7, withinMs: 129_600_000 }
    const ruled = config && { ...config, keep: { rules, cap: 300 } }
    expect(formatStore(aDescription({ config: ruled }), noConsumers, now)).to.include(
      'retention    24 hourly, 7 daily, all within 36h, at most 300, and the pinned ones',
    )
  })

  it('tells volumes, schedule with its next run, and retention', () => {
    const text = formatStore(aDescription(), noConsumers, now)
    for (const part of [
      '/srv/data -> /opt/.snap/@GMT-YYYY/data',
      'engine rsync (works everywhere)',
      'without *.tmp | /cache/',
      '0 3 * * * (GMT)',
      '2026-11-21T03:00:00.000Z (in 15h)',
      'the newest 7 and the pinned ones',
    ]) {
      expect(text).to.include(part)
    }
  })

  it('tells when all contents are compared, where they are', () => {
    const set = aDescription({ config: config && { ...config, checksumCron: '0 4 * * 0' } })
    expect(formatStore(set, noConsumers, now)).to.match(
      /^checksum +0 4 \* \* 0 \(GMT\), compares all contents$/m,
    )
    expect(formatStore(aDescription(), noConsumers, now)).not.to.include('checksum')
  })

  it('says that no daemon runs', () => {
    const stopped = aDescription({ daemon: { running: false, nextRun: null } })
    expect(formatStore(stopped, noConsumers, now)).to.include('none: no daemon runs')
  })

  it('says that a run is under way', () => {
    const late = aDescription({ daemon: { running: true, nextRun: '2026-11-20T11:59:00.000Z' } })
    expect(formatStore(late, noConsumers, now)).to.include('(under way)')
  })

  it('tells what it can of a store without a configuration', () => {
    expect(formatStore(aDescription({ config: undefined }), noConsumers, now)).to.match(
      /^store +\/opt\/\.snap\nsnapshots +1\n/,
    )
  })

  const consumer = {
    name: 'db',
    state: 'running',
    volumes: ['data'],
    writes: true,
    quiesce: 'pause' as const,
    hooks: ['pre-snapshot'],
    problems: [],
  }

  it('lists consumers, with what a snapshot does with each', () => {
    const text = formatStore(aDescription(), { consumers: [consumer], unknown: undefined }, now)
    expect(text).to.match(
      /consumer db +running, writes data; paused for a snapshot, hooks pre-snapshot\n/,
    )
  })

  it('says why it knows no consumers', () => {
    const text = formatStore(aDescription(), { consumers: [], unknown: 'no socket' }, now)
    expect(text).to.match(/consumers +not known: no socket\n/)
  })

  it('lets no container steer a terminal', () => {
    const hostile = {
      ...consumer,
      name: steeringText,
      state: steeringText,
      problems: [steeringText],
    }
    const text = formatStore(aDescription(), { consumers: [hostile], unknown: steeringText }, now)
    expect(text).not.to.match(steeringCharacters)
  })

  const texts: [what: string, part: Partial<StoreDescription>][] = [
    ['the directory', { directory: steeringText }],
    ['the schedule', { config: config && { ...config, cron: steeringText } }],
    ['the checksum schedule', { config: config && { ...config, checksumCron: steeringText } }],
    ['the time zone', { config: config && { ...config, timeZone: steeringText } }],
  ]
  for (const [what, part] of texts) {
    it(`lets ${what} steer no terminal`, () => {
      expect(formatStore(aDescription(part), noConsumers, now)).not.to.match(steeringCharacters)
    })
  }
})
