import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { formatSnapshotList } from '../../../src/cli/render/snapshot-list.ts'
import type { SnapshotRecord } from '../../../src/store/record.ts'
import { aRecord } from '../support/snapshots.ts'
import { aDescription } from '../support/store-description.ts'

const now = new Date('2026-11-20T12:00:00Z')

function sample(
  name: string,
  bytes: number,
  addedBytes: number,
  more: Partial<SnapshotRecord> = {},
): SnapshotRecord {
  const [volume] = aRecord(name).volumes
  if (volume === undefined || volume.contents === null) throw new Error('a record without contents')
  const contents = { ...volume.contents, bytes, addedBytes }
  return aRecord(name, {
    kind: 'scheduled',
    consistency: 'paused',
    volumes: [{ ...volume, contents }],
    ...more,
  })
}

const snapshots = [
  sample('@GMT-2026.11.18-03.00.00', 163_000_000, 163_000_000),
  sample('@GMT-2026.11.19-03.00.00', 163_000_000, 4_200_000),
  sample('@GMT-2026.11.20-03.00.00', 164_000_000, 5_100_000),
  sample('@GMT-2026.11.20-11.48.00', 164_000_000, 1_300_000, {
    kind: 'manual',
    comment: 'before the upgrade',
  }),
]

const retention = snapshots.toReversed().map(({ name }, index) => ({
  name,
  keep: true,
  reason: `number ${index + 1} of the newest 128 (SNAP_MAX)`,
  until: new Date(now.getTime() + (128 - index) * 86_400_000).toISOString(),
}))

describe('the sample of show', () => {
  for (const document of ['README.md', 'README.ja.md']) {
    it(`in ${document} is what the program prints`, () => {
      const text = readFileSync(new URL(`../../../${document}`, import.meta.url), 'utf8')
      const [, block] = /^```text\n(SNAPSHOT [\s\S]*?)^```$/m.exec(text) ?? []
      expect(block).to.equal(formatSnapshotList(aDescription({ snapshots, retention }), { now }))
    })
  }
})
