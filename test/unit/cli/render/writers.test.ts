import { expect } from 'chai'
import type { RunningConsumer } from '../../../../src/actions/writers.ts'
import { formatWriters } from '../../../../src/cli/render/writers.ts'
import { steeringCharacters, steeringText } from '../../support/steering.ts'

const running: RunningConsumer = { name: 'db', state: 'running', writes: true, action: 'stop' }

function fateOf(differences: Partial<RunningConsumer>): string {
  return formatWriters({ containers: [{ ...running, ...differences }] }).join('\n')
}

function linesOf(open: number, unknown: number, why?: string): string[] {
  const paths = open === 0 ? [] : ['mysql/ibdata1']
  const files = { asked: 9, open, paths, unknown, ...(why === undefined ? {} : { why }) }
  return formatWriters({ containers: [], files })
}

describe('formatWriters', () => {
  it('says of each container what becomes of it', () => {
    expect(fateOf({})).to.equal(
      'container db: running, is stopped for the restore and started afterwards',
    )
    expect(fateOf({ action: 'pause' })).to.contain('is paused for the restore')
    expect(fateOf({ action: 'none' })).to.contain('may write meanwhile')
    expect(fateOf({ action: 'none', state: 'paused' })).to.contain('nothing is restored')
    expect(fateOf({ action: 'none', writes: false })).to.contain('only reads the data')
  })

  it('says that nobody can know, and why', () => {
    const lines = formatWriters({ containers: [], unknown: 'there is no Docker API' })
    expect(lines[0]).to.match(/^nobody can know who writes .*: there is no Docker API$/)
  })

  it('says which files are open', () => {
    expect(linesOf(2, 0)[0]).to.equal(
      '2 of 9 files that were asked are open (mysql/ibdata1, ...): nothing is restored without --force',
    )
    expect(linesOf(0, 0)).to.deep.equal(['none of 9 files that were asked is open now'])
  })

  it('says of how many files nobody knows', () => {
    expect(linesOf(0, 9, 'no leases')).to.deep.equal([
      'whether 9 files are open nobody can know: no leases',
    ])
    expect(linesOf(0, 4, 'no leases')).to.have.length(2)
  })

  it('lets no name steer a terminal', () => {
    expect(fateOf({ name: `db${steeringText}` })).not.to.match(steeringCharacters)
  })
})
