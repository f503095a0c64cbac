import { expect } from 'chai'
import { formatRestorePlan, formatRestored } from '../../../../src/cli/render/restore-plan.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'

const name = '@GMT-2026.11.20-03.00.00'

describe('formatRestorePlan', () => {
  const counts = { created: 1, changed: 1, deleted: 1, bytes: 2000 }
  const volume = {
    id: 'db',
    path: '/srv/db',
    counts,
    steps: [
      { action: 'create' as const, path: 'a' },
      { action: 'delete' as const, path: `b${steeringText}` },
    ],
    stepsLeftOut: 0,
    keptMounts: ['/srv/db/mnt'],
  }

  const writers = { containers: [] }

  it('says what would be done', () => {
    const text = formatRestorePlan({ snapshot: name, writers, volumes: [volume] })
    for (const part of [
      `db: /srv/db would become as it was in ${name}`,
      '1 to create, 0 to change, 0 of other attributes, 1 to delete; 2 kB to write',
      'left alone, another filesystem: /srv/db/mnt',
      '  create     a\n',
    ]) {
      expect(text).to.include(part)
    }
  })

  it('shows the first fifty and says how many more there are', () => {
    const steps = Array.from({ length: 60 }, (_, index) => {
      return { action: 'change' as const, path: `f${index}` }
    })
    expect(
      formatRestorePlan({ snapshot: name, writers, volumes: [{ ...volume, steps }] }),
    ).to.match(/f49\n  and 10 more; --dry-run --json lists them\n$/)
  })

  it('does not count what it did not keep', () => {
    expect(
      formatRestorePlan({ snapshot: name, writers, volumes: [{ ...volume, stepsLeftOut: 5 }] }),
    ).to.include('more than 2 entries differ')
  })

  it('lets the name of a file steer no terminal', () => {
    expect(formatRestorePlan({ snapshot: name, writers, volumes: [volume] })).not.to.match(
      steeringCharacters,
    )
  })
})

describe('formatRestored', () => {
  it('says what was done, and the way back', () => {
    const counts = { created: 1, changed: 2, deleted: 3, bytes: 0 }
    expect(
      formatRestored({
        snapshot: 'S',
        safety: 'T',
        volumes: [{ id: 'db', path: '/srv', counts }],
        warnings: [],
      }),
    ).to.equal(
      'db: /srv is as it was in S (1 created, 2 changed, 3 deleted)\n' +
        'What it replaced is kept as T; "snap-volume restore --undo" goes back.\n',
    )
  })
})
