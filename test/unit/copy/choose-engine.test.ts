import { expect } from 'chai'
import { chooseEngine } from '../../../src/copy/choose-engine.ts'
import { OperationError } from '../../../src/errors.ts'

/** Not btrfs, whatever the rest of the machine is. */
const elsewhere = '/proc'

describe('chooseEngine', () => {
  for (const name of ['link', 'rsync'] as const) {
    it(`gives ${name} to whoever asks for it`, () => {
      const { engine, reason } = chooseEngine(name, elsewhere, elsewhere)
      expect([engine.name, reason]).to.deep.equal([name, 'SNAP_ENGINE asks for it'])
    })
  }

  it('chooses the reference by itself', () => {
    expect(chooseEngine('auto', elsewhere, elsewhere).engine.name).to.equal('rsync')
  })

  it('refuses btrfs where there is none, and says what to do', () => {
    expect(() => chooseEngine('btrfs', elsewhere, elsewhere)).to.throw(
      OperationError,
      'SNAP_ENGINE asks for btrfs, and /proc is not on btrfs: set SNAP_ENGINE=auto, or put that right',
    )
  })
})
