import { expect } from 'chai'
import { formatTable } from '../../../../src/cli/render/table.ts'

describe('formatTable', () => {
  it('puts columns two blanks apart and ends no line with blanks', () => {
    expect(
      formatTable([
        ['a', 'bb', ''],
        ['ccc', 'd', ''],
      ]),
    ).to.equal('a    bb\nccc  d\n')
  })

  it('aligns numbers to the right', () => {
    expect(
      formatTable(
        [
          ['1', 'x'],
          ['100', 'y'],
        ],
        [0],
      ),
    ).to.equal('  1  x\n100  y\n')
  })
})
