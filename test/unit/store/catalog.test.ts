import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { findSnapshot, isAside, readCatalog } from '../../../src/store/catalog.ts'
import {
  type StoreLayout,
  recordFileName,
  removedRecordFileName,
  storeLayout,
} from '../../../src/store/layout.ts'
import { type VolumeContents, type VolumeRecord, formatRecord } from '../../../src/store/record.ts'
import { makeFifo } from '../support/fifo.ts'
import { aRecord, aSnapshot, plantSnapshot } from '../support/snapshots.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const first = '@GMT-2026.11.18-03.00.00'
const second = '@GMT-2026.11.19-03.00.00'
const third = '@GMT-2026.11.20-03.00.00'

/** What is said of a snapshot of a volume with these contents, in which only what is there is. */
function problemOf(
  store: StoreLayout,
  contents: Partial<VolumeContents> | null,
): string | undefined {
  const [volume] = aRecord(first).volumes as [VolumeRecord]
  const counted =
    contents === null || volume.contents === null
      ? null
      : { ...volume.contents, files: 0, ...contents }
  const path = plantSnapshot(store, first, { volumes: [{ ...volume, contents: counted }] })
  rmSync(join(path, 'data/.file'), { force: true })
  return readCatalog(store).damaged[0]?.problem
}

describe('readCatalog', () => {
  const directory = useTemporaryDirectory()
  const store = (): StoreLayout => storeLayout(directory.path)
  const inside = (...names: string[]): string => join(directory.path, ...names)
  const namesFound = (): string[] => readCatalog(store()).snapshots.map(({ name }) => name)

  it('finds nothing in an empty store', () => {
    expect(readCatalog(store())).to.deep.equal({ snapshots: [], damaged: [], names: new Set() })
  })

  it('lists the oldest first, in whatever order they came', () => {
    for (const name of [second, third, first]) plantSnapshot(store(), name)
    expect(namesFound()).to.deep.equal([first, second, third])
  })

  it('tells time, path and record of each', () => {
    const path = plantSnapshot(store(), first, { comment: 'hello' })
    expect(readCatalog(store()).snapshots).to.deep.equal([
      {
        name: first,
        time: new Date('2026-11-18T03:00:00Z'),
        path,
        record: aRecord(first, { comment: 'hello' }),
      },
    ])
  })

  it('takes one that is being renamed for what it is called', () => {
    const directory = plantSnapshot(store(), second)
    const record = aRecord(third, { formerNames: [second] })
    writeFileSync(join(directory, recordFileName), formatRecord(record))
    const { snapshots, damaged } = readCatalog(store())
    expect(damaged).to.deep.equal([])
    expect(snapshots.map(({ name, record: { name: said } }) => [name, said])).to.deep.equal([
      [second, second],
    ])
  })

  describe('looks whether anything is left of a volume', () => {
    for (const counted of [{ files: 3 }, { symlinks: 3 }, { specials: 3 }]) {
      it(`that had ${Object.keys(counted).join()}`, () => {
        expect(problemOf(store(), counted)).to.match(
          /the data of data .* is empty, .* record counts 3/,
        )
        writeFileSync(inside(first, 'data/.left'), '')
        expect(problemOf(store(), counted)).to.equal(undefined)
      })
    }

    it('and not where there was nothing, or nobody counted', () => {
      expect([problemOf(store(), {}), problemOf(store(), null)]).to.deep.equal([
        undefined,
        undefined,
      ])
    })
  })

  describe('passes over', () => {
    const lookAlikes = [
      `${first}.partial`,
      `${first}_1`,
      'GMT-2026.11.18-03.00.00',
      '@gmt-2026.11.18-03.00.00',
      '@GMT-2026.02.30-03.00.00',
      '@GMT-2026.11.18',
      '.snap-volume',
      'snapshot',
      'lost+found',
    ]
    for (const name of lookAlikes) {
      it(`a directory ${name}, although it holds a record`, () => {
        mkdirSync(inside(name))
        writeFileSync(inside(name, recordFileName), formatRecord(aRecord(first)))
        const { snapshots, damaged } = readCatalog(store())
        expect([snapshots, damaged]).to.deep.equal([[], []])
      })
    }

    it('one that is removed where it is, and not deleted yet', () => {
      const path = plantSnapshot(store(), first)
      writeFileSync(join(path, 'data/file'), '')
      renameSync(join(path, recordFileName), join(path, removedRecordFileName))
      const { snapshots, damaged } = readCatalog(store())
      expect([snapshots, damaged]).to.deep.equal([[], []])
    })

    it('an empty directory that is named like a snapshot', () => {
      mkdirSync(inside(first, 'data'), { recursive: true })
      const { snapshots, damaged } = readCatalog(store())
      expect([snapshots, damaged]).to.deep.equal([[], []])
    })

    it('a file that is named like a snapshot', () => {
      writeFileSync(inside(first), 'text')
      const { snapshots, damaged } = readCatalog(store())
      expect([snapshots, damaged]).to.deep.equal([[], []])
    })

    it('a symbolic link that is named like a snapshot and leads to a good one', () => {
      plantSnapshot(store(), second)
      symlinkSync(second, inside(first))
      expect(namesFound()).to.deep.equal([second])
    })

    it('a FIFO that is named like a snapshot', () => {
      makeFifo(inside(first))
      expect(namesFound()).to.deep.equal([])
    })
  })

  it('knows the names of foreign things too, so that no snapshot takes one', () => {
    plantSnapshot(store(), second)
    writeFileSync(inside(first), 'text')
    mkdirSync(inside('lost+found'))
    expect(readCatalog(store()).names).to.deep.equal(new Set([first, second, 'lost+found']))
  })

  describe('tells of a snapshot', () => {
    const lost: [what: string, damage: (path: string) => void, problem: RegExp][] = [
      [
        'without a record',
        (path) => {
          rmSync(join(path, recordFileName))
          writeFileSync(join(path, 'data/file'), '')
        },
        /^there is no \.snapshot\.json$/,
      ],
      [
        'of which a volume is gone',
        (path) => rmSync(join(path, 'mail'), { recursive: true }),
        /^the data of mail in \S+ are gone \(no directory \S+mail\)$/,
      ],
      [
        'of which a volume is a link now',
        (path) => {
          rmSync(join(path, 'data'), { recursive: true })
          symlinkSync('mail', join(path, 'data'))
        },
        /^the data of data in \S+ are gone/,
      ],
    ]
    for (const [what, damage, problem] of lost) {
      it(`${what}, and goes on`, () => {
        const [volume] = aRecord(first).volumes
        const volumes = ['data', 'mail'].flatMap((id) => (volume ? { ...volume, id } : []))
        damage(plantSnapshot(store(), first, { volumes }))
        plantSnapshot(store(), second)
        const catalog = readCatalog(store())
        expect(catalog.snapshots.map(({ name }) => name)).to.deep.equal([second])
        expect(catalog.damaged.map(({ name }) => name)).to.deep.equal([first])
        expect(catalog.damaged[0]?.problem).to.match(problem)
      })
    }
  })

  describe('tells of a damaged record and goes on, when it is', () => {
    const damages: [what: string, damage: (file: string) => void, problem: RegExp][] = [
      ['empty', (file) => writeFileSync(file, ''), /JSON/],
      ['not JSON', (file) => writeFileSync(file, 'x'), /JSON/],
      ['of wrong types', (file) => writeFileSync(file, '{"schema":"1"}'), /^schema: /],
      [
        'of another snapshot',
        (file) => writeFileSync(file, formatRecord(aRecord(third))),
        /of @GMT/,
      ],
      ['nested deeply', (file) => writeFileSync(file, '['.repeat(1_000_000)), /JSON/],
      ['huge', (file) => truncateSync(file, 2 ** 40), /larger than/],
      [
        'a FIFO',
        (file) => {
          rmSync(file)
          makeFifo(file)
        },
        /not a regular file/,
      ],
      [
        'a directory',
        (file) => {
          rmSync(file)
          mkdirSync(file)
        },
        /not a regular file/,
      ],
      [
        'a symbolic link to a good one',
        (file) => {
          rmSync(file)
          symlinkSync(`../${first}/${recordFileName}`, file)
        },
        /ELOOP/,
      ],
    ]
    for (const [what, damage, problem] of damages) {
      it(what, () => {
        plantSnapshot(store(), first)
        damage(join(plantSnapshot(store(), second), recordFileName))
        plantSnapshot(store(), third)
        const { snapshots, damaged } = readCatalog(store())
        expect(snapshots.map(({ name }) => name)).to.deep.equal([first, third])
        expect(damaged.map(({ name, path }) => ({ name, path }))).to.deep.equal([
          { name: second, path: inside(second) },
        ])
        expect(damaged[0]?.problem).to.match(problem)
      })
    }
  })
})

describe('findSnapshot', () => {
  it('finds a snapshot by its full name only', () => {
    const catalog = { snapshots: [aSnapshot(first)], damaged: [], names: new Set<string>() }
    expect([
      findSnapshot(catalog, first)?.name,
      findSnapshot(catalog, first.slice(0, -1)),
    ]).to.deep.equal([first, undefined])
  })
})

describe('isAside', () => {
  it('knows what a restore replaced, and what a clone held', () => {
    const kinds = ['safety', 'clone', 'manual', 'scheduled', 'adopted'] as const
    expect(kinds.map((kind) => isAside(aSnapshot(first, { kind })))).to.deep.equal([
      true,
      true,
      false,
      false,
      false,
    ])
  })
})
