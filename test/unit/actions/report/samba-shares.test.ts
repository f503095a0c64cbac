import { chmodSync } from 'node:fs'
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  type SharesDescription,
  describeShares,
} from '../../../../src/actions/report/samba-shares.ts'
import { formatSambaConfig } from '../../../../src/cli/render/samba-config.ts'
import { OperationError, UsageError } from '../../../../src/errors.ts'
import type { StoreLayout } from '../../../../src/store/layout.ts'
import { createStore } from '../../../../src/store/open.ts'
import { readSmbConf } from '../../support/smb-conf.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const configured = [
  { id: 'data', path: '/srv/data' },
  { id: 'mail', path: '/srv/mail' },
]

describe('describeShares', () => {
  const directory = useTemporaryDirectory()
  let layout: StoreLayout

  beforeEach(() => {
    layout = createStore(directory.path)
  })

  function describeThese(
    volumes: readonly string[],
    { store, of = configured }: { store?: string; of?: typeof configured } = {},
  ): SharesDescription {
    return describeShares(layout, of, { volumes, store })
  }

  it('gives each volume a share with the name and the path of the volume', () => {
    const { shares } = describeThese([])
    expect(shares.map(({ name, parameters }) => [name, parameters['path']])).to.deep.equal([
      ['data', '/srv/data'],
      ['mail', '/srv/mail'],
    ])
  })

  it('has Samba look for versions in the store, below the ID of the volume', () => {
    expect(describeThese(['data']).shares[0]?.parameters).to.include({
      'vfs objects': 'shadow_copy2',
      'shadow:snapdir': directory.path,
      'shadow:snapsharepath': 'data',
    })
  })

  it('takes those that are named only', () => {
    expect(namesOf(describeThese(['mail']))).to.deep.equal(['mail'])
  })

  it('takes other paths, where Samba finds volume and store at others', () => {
    const { shares, store } = describeThese(['data:/export/data'], { store: '/export/.snapshot/' })
    expect(store).to.equal('/export/.snapshot')
    expect(shares[0]?.parameters).to.include({
      path: '/export/data',
      'shadow:snapdir': '/export/.snapshot',
    })
  })

  const wrong: [what: string, volumes: string[], store: string | undefined, message: string][] = [
    ['a volume that is none', ['other'], undefined, 'configured are data, mail'],
    ['a volume twice', ['data', 'data'], undefined, 'given twice'],
    ['a path that is not absolute', ['data:x'], undefined, 'must be absolute'],
    ['volumes inside one another', ['data:/x', 'mail:/x/y'], undefined, 'overlap'],
    ['a store that is not absolute', [], 'x', 'the path in --store "x" must be absolute'],
    ['a store at /', [], '/', 'names the whole filesystem'],
  ]
  for (const [what, volumes, store, message] of wrong) {
    it(`refuses ${what}`, () => {
      expect(() => describeShares(layout, configured, { volumes, store })).to.throw(
        UsageError,
        message,
      )
    })
  }

  for (const id of ['global', 'Globals', 'HOMES', 'printers']) {
    it(`refuses to share a volume called ${id}, which is a section of another kind`, () => {
      const of = [...configured, { id, path: '/srv/other' }]
      expect(() => describeThese([], { of })).to.throw(OperationError, `[${id}] means something`)
      expect(namesOf(describeThese(['data'], { of }))).to.deep.equal(['data'])
    })
  }

  it('refuses two volumes that would be one share', () => {
    const of = [...configured, { id: 'Data', path: '/srv/other' }]
    expect(() => describeThese([], { of })).to.throw(
      OperationError,
      /data and Data would be one share/,
    )
    expect(namesOf(describeThese(['Data'], { of }))).to.deep.equal(['Data'])
  })

  const misread: [what: string, path: string][] = [
    ['a variable', '/srv/%U'],
    ['a quotation mark', '/srv/data"'],
    ['a line that would go on', '/srv/data\\'],
    ['a newline', '/srv/data\nguest ok = yes'],
    ['a carriage return', '/srv/data\rguest ok = yes'],
    ['a blank at its end', '/srv/data '],
    ['two blanks', '/srv/my  data'],
    ['a tab', '/srv/my\tdata'],
    ['what would steer a terminal', '/srv/\u202edata'],
  ]
  for (const [what, path] of misread) {
    it(`refuses the path of a volume with ${what}, and says what to do`, () => {
      expect(() => describeThese([], { of: [{ id: 'data', path }] })).to.throw(
        OperationError,
        /would be misread in smb\.conf.*samba-config data:PATH/,
      )
    })

    it(`refuses the path of a store with ${what}, and says what to do`, () => {
      expect(() => describeThese([], { store: path })).to.throw(
        OperationError,
        /would be misread in smb\.conf.*--store PATH/,
      )
    })
  }

  const plain = ['/srv/my data', '/srv/a;b', '/srv/#1', '/srv/[global]', '/srv/a=b', '/srv/übrig']
  for (const path of plain) {
    it(`takes ${path}, which smb.conf reads as it is`, () => {
      const description = describeThese([], { of: [{ id: 'data', path }] })
      expect(readSmbConf(formatSambaConfig(description))['data']).to.include({ path })
    })
  }

  it('lets no path say anything else, whatever it is', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom(
        '\n',
        '\r',
        '\\\n',
        '[global]',
        '=',
        ';',
        '#',
        ' ',
        '  ',
        '%',
        '"',
        '\\',
        '\u0085',
      ),
    )
    const path = fc.array(part, { minLength: 1 }).map((parts) => `/${parts.join('')}`)
    fc.assert(
      fc.property(path, path, (volume, store) => {
        try {
          const description = describeThese([], { of: [{ id: 'data', path: volume }], store })
          expect(readSmbConf(formatSambaConfig(description))).to.deep.equal({
            global: {},
            data: description.shares[0]?.parameters,
          })
        } catch (error) {
          if (!(error instanceof OperationError)) throw error
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('has no problems with a store that users may enter', () => {
    chmodSync(directory.path, 0o755)
    expect(describeThese([]).problems).to.deep.equal([])
  })

  it('tells of a store that users cannot enter', () => {
    chmodSync(directory.path, 0o700)
    expect(describeThese([]).problems.join()).to.match(/\(mode 0700\).*chmod o\+x/)
  })

  it('has no problems with a store that a group may enter', () => {
    chmodSync(directory.path, 0o750)
    expect(describeThese([]).problems).to.deep.equal([])
  })
})

function namesOf({ shares }: SharesDescription): string[] {
  return shares.map(({ name }) => name)
}
