import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import {
  type AdoptionEvent,
  adoptPredecessor,
  parsePredecessorConf,
} from '../../../src/store/adoption.ts'
import { type Snapshot, readCatalog } from '../../../src/store/catalog.ts'
import { type StoreLayout, recordFileName, storeLayout } from '../../../src/store/layout.ts'
import { formatRecord } from '../../../src/store/record.ts'
import { makeFifo } from '../support/fifo.ts'
import { aRecord, plantSnapshot } from '../support/snapshots.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const first = '@GMT-2014.05.01-03.00.00'
const second = '@GMT-2014.05.02-03.00.00'

const warnings = (events: readonly AdoptionEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))

describe('adoptPredecessor', () => {
  const directory = useTemporaryDirectory()
  const store = (): StoreLayout => storeLayout(directory.path)
  const inside = (...names: string[]): string => join(directory.path, ...names)
  const adopt = (volumes: { id: string; path: string }[] = []): AdoptionEvent[] =>
    adoptPredecessor(store(), volumes)
  const snapshots = (): Snapshot[] => readCatalog(store()).snapshots

  function plantOld(name: string, ...files: string[]): void {
    for (const file of files) {
      const path = inside('snapshot', name, file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `${name} ${file}`)
    }
  }

  function plantConf(data: string): void {
    writeFileSync(inside('snapshot.conf'), `#!/bin/sh\nVOLUME_DATA=${data}\nVOLUME_MAX=128\n`)
  }

  it('does nothing in a store that never had a predecessor', () => {
    expect(adopt()).to.deep.equal([])
  })

  it('makes each of its snapshots one of ours, oldest first', () => {
    plantOld(second, 'mysql/a')
    plantOld(first, 'mysql/a')
    expect(adopt()).to.deep.equal([
      { type: 'adopted', name: first },
      { type: 'adopted', name: second },
    ])
    expect(snapshots().map(({ name }) => name)).to.deep.equal([first, second])
  })

  it('moves the data by a rename, so that no link is lost', () => {
    plantOld(first, 'mysql/a')
    const { ino } = statSync(inside('snapshot', first, 'mysql/a'))
    adopt()
    expect(statSync(inside(first, 'mysql/a')).ino).to.equal(ino)
  })

  it('writes a record that says what is known of it, and that nobody counted', () => {
    plantOld(first, 'mysql/a', 'www/b')
    plantConf('mysql:/var/lib/mysql,www:/var/www')
    adopt()
    const record = snapshots()[0]?.record
    expect([record?.kind, record?.startedAt, record?.pinned]).to.deep.equal([
      'adopted',
      '2014-05-01T03:00:00.000Z',
      false,
    ])
    expect(record?.volumes).to.deep.equal([
      { id: 'mysql', path: '/var/lib/mysql', engine: 'predecessor', base: null, contents: null },
      { id: 'www', path: '/var/www', engine: 'predecessor', base: null, contents: null },
    ])
  })

  it('believes the start more than the old conf', () => {
    plantOld(first, 'mysql/a')
    plantConf('mysql:/old/path')
    adopt([{ id: 'mysql', path: '/new/path' }])
    expect(snapshots()[0]?.record.volumes[0]?.path).to.equal('/new/path')
  })

  it('adopts without a conf', () => {
    plantOld(first, 'mysql/a')
    adopt()
    expect(snapshots()[0]?.record.volumes[0]?.path).to.equal('')
  })

  it('takes the emptied directory away', () => {
    plantOld(first, 'mysql/a')
    adopt()
    expect(existsSync(inside('snapshot'))).to.equal(false)
  })

  it('does nothing the second time', () => {
    plantOld(first, 'mysql/a')
    adopt()
    const before = readFileSync(inside(first, recordFileName), 'utf8')
    expect(adopt()).to.deep.equal([])
    expect(readFileSync(inside(first, recordFileName), 'utf8')).to.equal(before)
  })

  describe('after a crash', () => {
    it('between record and rename, finishes', () => {
      plantOld(first, 'mysql/a')
      const record = aRecord(first, { kind: 'adopted' })
      writeFileSync(inside('snapshot', first, recordFileName), formatRecord(record))
      expect(adopt()).to.deep.equal([{ type: 'adopted', name: first }])
    })

    it('while the record was written, finishes', () => {
      plantOld(first, 'mysql/a')
      writeFileSync(inside('snapshot', first, `${recordFileName}.new`), '{"schema"')
      adopt()
      expect(readdirSync(inside(first)).toSorted()).to.deep.equal([recordFileName, 'mysql'])
    })

    it('between two snapshots, goes on with the second', () => {
      plantOld(first, 'mysql/a')
      adopt()
      plantOld(second, 'mysql/a')
      adopt()
      expect(snapshots().map(({ name }) => name)).to.deep.equal([first, second])
    })
  })

  describe('leaves alone, and tells of,', () => {
    it('a snapshot whose name is taken', () => {
      plantOld(first, 'mysql/a')
      plantSnapshot(store(), first, { comment: 'ours' })
      expect(warnings(adopt())).to.deep.equal([
        `${inside('snapshot', first)} is not adopted: ${inside(first)} is there already`,
      ])
      expect(snapshots()[0]?.record.comment).to.equal('ours')
      expect(existsSync(inside('snapshot', first, 'mysql/a'))).to.equal(true)
    })

    it('a snapshot whose name a symbolic link has, which is not followed', () => {
      plantOld(first, 'mysql/a')
      mkdirSync(inside('elsewhere'))
      symlinkSync('nowhere', inside(first))
      expect(warnings(adopt())).to.have.length(1)
      expect(existsSync(inside('snapshot', first, 'mysql/a'))).to.equal(true)
    })

    it('a snapshot without a volume', () => {
      mkdirSync(inside('snapshot', first), { recursive: true })
      expect(warnings(adopt())[0]).to.include('it has no directory of a volume')
    })

    it('one that cannot be adopted, and adopts the others', () => {
      plantOld(first, 'mysql/a')
      mkdirSync(inside('snapshot', first, recordFileName))
      plantOld(second, 'mysql/a')
      expect(warnings(adopt())).to.have.length(1)
      expect(snapshots().map(({ name }) => name)).to.deep.equal([second])
    })
  })

  it('leaves foreign things where they are', () => {
    plantOld('by-hand', 'a')
    plantOld(`${first}.bak`, 'mysql/a')
    writeFileSync(inside('snapshot', second), 'a file')
    symlinkSync('by-hand', inside('snapshot', '@GMT-2014.05.03-03.00.00'))
    expect(adopt()).to.deep.equal([])
    expect(readdirSync(inside('snapshot'))).to.have.length(4)
  })

  it('does not follow a link in place of the old directory', () => {
    mkdirSync(inside('elsewhere', first, 'mysql'), { recursive: true })
    symlinkSync('elsewhere', inside('snapshot'))
    expect(adopt()).to.deep.equal([])
    expect(existsSync(inside('elsewhere', first, 'mysql'))).to.equal(true)
  })

  it('does not take a link for a volume', () => {
    plantOld(first, 'mysql/a')
    symlinkSync('/etc', inside('snapshot', first, 'etc'))
    adopt()
    expect(snapshots()[0]?.record.volumes.map(({ id }) => id)).to.deep.equal(['mysql'])
  })

  describe('reads the conf as text', () => {
    const commands = ['$(touch PWNED)', '`touch PWNED`', '$(touch$IFS./PWNED)', '; touch PWNED;']
    for (const command of commands) {
      it(`and never executes ${command}`, () => {
        const marker = inside('PWNED')
        const hostile = command.replace('PWNED', marker)
        plantOld(first, 'mysql/a')
        plantConf(`"mysql:/${hostile}"\n${hostile}\nX=${hostile}`)
        adopt()
        expect(existsSync(marker)).to.equal(false)
      })
    }

    it('and never expands a variable', () => {
      plantOld(first, 'mysql/a')
      plantConf('mysql:/$HOME/`id`')
      adopt()
      expect(snapshots()[0]?.record.volumes[0]?.path).to.equal('/$HOME/`id`')
    })

    it('and adopts without it when it cannot be read', () => {
      plantOld(first, 'mysql/a')
      makeFifo(inside('snapshot.conf'))
      const events = adopt()
      expect(warnings(events)[0]).to.include('snapshot.conf cannot be read: not a regular file')
      expect(events).to.deep.include({ type: 'adopted', name: first })
    })
  })
})

describe('parsePredecessorConf', () => {
  const cases: [what: string, text: string, paths: [string, string][]][] = [
    ['nothing', '', []],
    ['other variables', 'VOLUME_MAX=3\n', []],
    ['one volume', 'VOLUME_DATA=a:/x\n', [['a', '/x']]],
    [
      'two volumes',
      'VOLUME_DATA=a:/x,b:/y\n',
      [
        ['a', '/x'],
        ['b', '/y'],
      ],
    ],
    ['double quotes', 'VOLUME_DATA="a:/x"\n', [['a', '/x']]],
    ['single quotes', "VOLUME_DATA='a:/x'\n", [['a', '/x']]],
    ['lines that end with CR LF', 'VOLUME_DATA=a:/x\r\nVOLUME_MAX=3\r\n', [['a', '/x']]],
    ['no newline at the end', 'VOLUME_DATA=a:/x', [['a', '/x']]],
    ['an id that leads elsewhere', 'VOLUME_DATA=../../etc:/x\n', []],
    ['a relative path', 'VOLUME_DATA=a:x\n', []],
    [
      'a wrong pair among good ones',
      'VOLUME_DATA=a:/x,,nonsense,b:/y\n',
      [
        ['a', '/x'],
        ['b', '/y'],
      ],
    ],
    ['a comment', '# VOLUME_DATA=a:/x\n', []],
    ['an id of __proto__', 'VOLUME_DATA=__proto__:/x\n', []],
  ]
  for (const [what, text, paths] of cases) {
    it(`reads ${what}`, () => {
      expect([...parsePredecessorConf(text)]).to.deep.equal(paths)
    })
  }
})
