import { expect } from 'chai'
import {
  changelogNameOf,
  checksumNameOf,
  formatArchiveName,
  parseArchiveName,
} from '../../../src/archive/archive-name.ts'

const snapshot = '@GMT-2026.11.20-03.00.00'

describe('the name of an archive', () => {
  for (const volume of ['mysql', 'my_sql', 'a.b-c', 'x_20261120T030000Z']) {
    for (const isFull of [true, false]) {
      it(`of ${volume}, ${isFull ? 'full' : 'an increment'}, is read as it was written`, () => {
        const name = { volume, snapshot, isFull }
        expect(parseArchiveName(formatArchiveName(name))).to.deep.equal(name)
      })
    }
  }

  it('says what it is of, and what lies beside it', () => {
    const name = formatArchiveName({ volume: 'mysql', snapshot, isFull: true })
    expect(name).to.equal('mysql_20261120T030000Z_Full.tar.zst')
    expect(changelogNameOf(name)).to.equal('mysql_20261120T030000Z_Full_changelog.txt')
    expect(checksumNameOf(name)).to.equal('mysql_20261120T030000Z_Full.tar.zst.sha256')
  })

  for (const other of [
    'mysql_20261120T030000Z_Full.tar',
    'mysql_20261320T030000Z.tar.zst',
    '.mysql_20261120T030000Z.tar.zst',
    'mysql.tar.zst',
  ]) {
    it(`is not ${other}`, () => {
      expect(parseArchiveName(other)).to.equal(undefined)
    })
  }
})
