import { expect } from 'chai'
import type { RestorePlan } from '../../../../src/actions/restore/restore.ts'
import { formatRestorePlan, formatRestored } from '../../../../src/cli/render/restore-plan.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'

const name = '@GMT-2026.11.20-03.00.00'

function plan(volumes: RestorePlan['volumes']): RestorePlan {
  const asked = { withoutSafety: false, leavesRunning: false }
  return { snapshot: name, ...asked, writers: { containers: [] }, volumes }
}

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
    omittedSteps: 0,
    keptMounts: ['/srv/db/mnt'],
  }

  it('says what would be done', () => {
    const text = formatRestorePlan(plan([volume]))
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
    expect(formatRestorePlan(plan([{ ...volume, steps }]))).to.match(
      /f49\n  and 10 more; --dry-run --json lists them\n$/,
    )
  })

  it('does not count what it did not keep', () => {
    expect(formatRestorePlan(plan([{ ...volume, omittedSteps: 5 }]))).to.include(
      'more than 2 entries differ',
    )
  })

  it('names the volume of the snapshot where it has another ID', () => {
    expect(formatRestorePlan(plan([{ ...volume, from: 'old' }]))).to.include(
      `db: /srv/db would become as the volume old was in ${name}`,
    )
  })

  it('says last that nothing will be kept of what it replaces', () => {
    const text = formatRestorePlan({ ...plan([volume]), withoutSafety: true })
    expect(text).to.match(/WARNING: no safety snapshot is taken: [^\n]* cannot go back\n$/)
    expect(formatRestorePlan(plan([volume]))).not.to.include('no safety snapshot')
  })

  it('lets the name of a file steer no terminal', () => {
    expect(formatRestorePlan(plan([volume]))).not.to.match(steeringCharacters)
  })
})

describe('formatRestored', () => {
  it('says what was done, and the way back', () => {
    const counts = { created: 1, changed: 2, deleted: 3, bytes: 0 }
    expect(
      formatRestored({
        snapshot: 'S',
        safety: 'T',
        leavesRunning: false,
        volumes: [{ id: 'db', path: '/srv', counts }],
        warnings: [],
      }),
    ).to.equal(
      'db: /srv is as it was in S (1 created, 2 changed, 3 deleted)\n' +
        'What it replaced is kept as T; "snap-volume restore --undo" goes back.\n',
    )
  })

  it('says where nobody was stopped, and which paths were restored', () => {
    const counts = { created: 0, changed: 1, deleted: 0, bytes: 0 }
    const text = formatRestored({
      snapshot: 'S',
      safety: 'T',
      leavesRunning: true,
      volumes: [{ id: 'db', path: '/srv', paths: ['a', `b${steeringText}`], counts }],
      warnings: [],
    })
    expect(text).to.match(
      /^Nobody is stopped, .*\.\ndb: \/srv\/a and 1 other path are as they were in S/,
    )
    expect(text.replaceAll('\n', '')).not.to.match(steeringCharacters)
  })

  it('says of what it is not as it was', () => {
    const counts = { created: 0, changed: 1, deleted: 0, bytes: 0 }
    const restored = {
      snapshot: 'S',
      safety: 'T',
      leavesRunning: false,
      volumes: [
        { id: 'db', path: '/srv', counts },
        { id: 'web', path: '/www', counts },
      ],
      warnings: [{ code: 'excluded', volume: 'db', message: 'left' }],
    }
    const text = formatRestored(restored, { keepNewer: true, noDelete: true })
    const options = 'but for what --keep-newer leaves and what --no-delete leaves'
    expect(text).to.include(
      `db: /srv is as it was in S, ${options} and what the warnings name (0 created`,
    )
    expect(text).to.include(`web: /www is as it was in S, ${options} (0 created`)
    expect(formatRestored(restored)).to.include('/www is as it was in S (0 created')
  })

  it('says where there is no way back', () => {
    const text = formatRestored({
      snapshot: 'S',
      safety: null,
      leavesRunning: false,
      volumes: [],
      warnings: [],
    })
    expect(text).to.match(/^Nothing of what it replaced is kept .* cannot go back\.\n$/)
  })
})
