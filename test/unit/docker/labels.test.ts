import { expect } from 'chai'
import { readPolicy } from '../../../src/docker/labels.ts'

describe('readPolicy', () => {
  it('leaves all to the settings where there are no labels', () => {
    expect(readPolicy({ other: 'label' })).to.deep.equal({
      quiesce: undefined,
      restore: 'stop',
      stopOrder: 0,
      onFrozen: 'tell',
      hooks: {},
      prove: undefined,
      problems: [],
    })
  })

  it('reads what a consumer wants done with it', () => {
    expect(
      readPolicy({
        'snap-volume.quiesce': 'stop',
        'snap-volume.restore': 'pause',
        'snap-volume.stop-order': '-5',
        'snap-volume.on-frozen': 'restart',
      }),
    ).to.include({ quiesce: 'stop', restore: 'pause', stopOrder: -5, onFrozen: 'restart' })
  })

  it('reads a hook with all that belongs to it', () => {
    const { hooks } = readPolicy({
      'snap-volume.pre-snapshot': 'lock',
      'snap-volume.pre-snapshot.user': 'postgres',
      'snap-volume.pre-snapshot.timeout': '2m',
      'snap-volume.pre-snapshot.on-error': 'continue',
      'snap-volume.pre-snapshot.session': 'true',
    })
    expect(hooks).to.deep.equal({
      'pre-snapshot': {
        command: 'lock',
        user: 'postgres',
        timeoutMs: 120_000,
        onError: 'continue',
        session: true,
      },
    })
  })

  it('gives a hook half a minute and lets its failure count, where nothing is said', () => {
    const { hooks } = readPolicy({ 'snap-volume.post-restore': 'x' })
    expect(hooks['post-restore']).to.deep.equal({
      command: 'x',
      user: undefined,
      timeoutMs: 30_000,
      onError: 'fail',
      session: false,
    })
  })

  it('takes an empty hook for none', () => {
    expect(readPolicy({ 'snap-volume.pre-snapshot': ' ' }).hooks).to.deep.equal({})
  })

  const wrong = {
    'snap-volume.quiesce': 'freeze',
    'snap-volume.restore': 'yes',
    'snap-volume.stop-order': 'first',
    'snap-volume.on-frozen': 'thaw',
  }
  for (const [label, text] of Object.entries(wrong)) {
    it(`tells of ${label}=${text}, and goes on as without it`, () => {
      const { problems, ...policy } = readPolicy({ [label]: text })
      expect(problems).to.have.length(1)
      expect(problems[0]).to.contain(`the label ${label} is "${text}": it must be`)
      expect(policy).to.deep.equal({
        quiesce: undefined,
        restore: 'stop',
        stopOrder: 0,
        onFrozen: 'tell',
        hooks: {},
        prove: undefined,
      })
    })
  }
})
