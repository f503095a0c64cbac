import { expect } from 'chai'
import { chooseEngine } from '../../../src/copy/choose-engine.ts'
import { OperationError } from '../../../src/errors.ts'

/** Not btrfs, whatever the rest of the machine is. */
const elsewhere = '/proc'
const volume = { path: elsewhere, exclude: [] }

describe('chooseEngine', () => {
  for (const name of ['link', 'rsync'] as const) {
    it(`gives ${name} to whoever asks for it`, () => {
      const { name: chosen, reason } = chooseEngine(name, volume, elsewhere)
      expect(chosen).to.equal(name)
      expect(reason).to.match(/^SNAP_ENGINE asks for it/)
    })
  }

  it('chooses link by itself where btrfs cannot be, and says why', () => {
    const { name, reason } = chooseEngine('auto', volume, elsewhere)
    expect([name, reason]).to.deep.equal([
      'link',
      'the fastest one here, because /proc is not on btrfs; the filesystem of /proc does not tell when a file was changed, so each snapshot reads all contents; ext4, XFS and btrfs do',
    ])
  })

  it('refuses btrfs where there is none, and says what to do', () => {
    expect(() => chooseEngine('btrfs', volume, elsewhere)).to.throw(
      OperationError,
      'SNAP_ENGINE asks for btrfs, and /proc is not on btrfs: set SNAP_ENGINE=auto, or put that right',
    )
  })
})
