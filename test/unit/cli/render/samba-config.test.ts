import { expect } from 'chai'
import type { SharesDescription } from '../../../../src/actions/report/samba-shares.ts'
import { formatSambaConfig } from '../../../../src/cli/render/samba-config.ts'
import { readSmbConf } from '../../support/smb-conf.ts'

const description: SharesDescription = {
  schema: 1,
  store: '/opt/.snap',
  shares: [
    { name: 'data', parameters: { path: '/srv/data', 'shadow:snapdir': '/opt/.snap' } },
    { name: 'mail', parameters: { path: '/srv/a mail', 'shadow:snapdir': '/opt/.snap' } },
  ],
  problems: [],
}

describe('formatSambaConfig', () => {
  const text = formatSambaConfig(description)

  it('makes a section of each share, with all its parameters, and nothing else', () => {
    expect(readSmbConf(text)).to.deep.equal({
      global: {},
      data: { path: '/srv/data', 'shadow:snapdir': '/opt/.snap' },
      mail: { path: '/srv/a mail', 'shadow:snapdir': '/opt/.snap' },
    })
  })

  it('looks as in a manual', () => {
    expect(text).to.match(
      /\n\n\[data\]\n {3}path = \/srv\/data\n {3}shadow:snapdir = \/opt\/\.snap\n/,
    )
  })

  for (const condition of [
    '/opt/.snap is mounted read-only',
    'Users may enter /opt/.snap',
    'Nothing but snapshots is named @GMT-',
    'There is no shadow:basedir',
  ]) {
    it(`says what must hold: ${condition}`, () => {
      expect(text).to.include(`\n# - ${condition}`)
    })
  }

  it('fits into 110 columns', () => {
    expect(text.split('\n').filter((line) => line.length > 110)).to.deep.equal([])
  })
})
