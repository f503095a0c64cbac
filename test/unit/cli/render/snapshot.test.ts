import { expect } from 'chai'
import { formatSnapshot } from '../../../../src/cli/render/snapshot.ts'
import type { SnapshotRecord } from '../../../../src/store/record.ts'
import { aRecord } from '../../support/snapshots.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'

const now = new Date('2026-11-20T12:00:00Z')
const name = '@GMT-2026.11.20-03.00.00'

/** A record whose every text was written by somebody else. */
const hostile: Partial<SnapshotRecord> = {
  comment: steeringText,
  program: steeringText,
  storeLacks: [steeringText],
  warnings: [{ code: steeringText, message: steeringText, paths: [steeringText] }],
  volumes: [
    {
      id: 'data',
      path: steeringText,
      engine: steeringText,
      base: null,
      exclude: [steeringText],
      contents: null,
    },
  ],
}

describe('formatSnapshot', () => {
  it('tells the whole record', () => {
    const lines = formatSnapshot(aRecord(name, { comment: 'hello', pinned: true }), '/x', now)
    for (const line of [
      `snapshot     ${name} (9h ago)`,
      'comment      hello',
      'pinned       yes',
      'volume data  /srv/data',
      '             engine rsync, a full copy',
    ]) {
      expect(lines).to.include(`${line}\n`)
    }
  })

  it('says what was left out of a volume', () => {
    const [volume] = aRecord(name).volumes
    const volumes = volume === undefined ? [] : [{ ...volume, exclude: ['*.tmp', '/cache/'] }]
    const lines = formatSnapshot(aRecord(name, { volumes }), '/x', now)
    expect(lines).to.match(/^ +without \*\.tmp \| \/cache\/$/m)
  })

  it('names what a warning is about', () => {
    const warnings = [{ code: 'vanished', message: '1 files', paths: ['a/b'] }]
    expect(formatSnapshot(aRecord(name, { warnings }), '/x', now)).to.match(
      /^warning vanished +1 files\n +a\/b$/m,
    )
  })

  it('says what the store does not keep', () => {
    const record = aRecord(name, { storeLacks: ['owners', 'case'], mtimeStepNs: 100 })
    const lines = formatSnapshot(record, '/x', now)
    expect(lines).to.match(/^not kept +owners, case$/m)
    expect(lines).to.match(/^times +in steps of 100 ns$/m)
  })

  it('says that an adopted one was not counted', () => {
    expect(formatSnapshot(aRecord(name, hostile), '/x', now)).to.include('not counted')
  })

  it('lets nothing in a record steer a terminal', () => {
    const record = aRecord(name, { ...hostile, labels: { [steeringText]: steeringText } })
    expect(formatSnapshot(record, steeringText, now)).not.to.match(steeringCharacters)
  })
})
