import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { OperationError } from '../../../src/errors.ts'
import { type StoreLayout, storeLayout } from '../../../src/store/layout.ts'
import {
  type RestoreJournal,
  explainInterruptedRestore,
  readInterruptedRestore,
  readRestoreJournal,
  writeRestoreJournal,
} from '../../../src/store/restore-journal.ts'
import { makeFifo } from '../support/fifo.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const begun: RestoreJournal = {
  schema: 1,
  snapshot: '@GMT-2026.11.19-03.00.00',
  safety: '@GMT-2026.11.20-09.00.00',
  undo: false,
  volumes: [
    { id: 'db', path: '/var/lib/mysql' },
    { id: 'files', path: '/var/www' },
  ],
  startedAt: '2026-11-20T09:00:01.000Z',
  finishedAt: null,
}
const finished = { ...begun, finishedAt: '2026-11-20T09:05:00.000Z' }

describe('the journal of a restore', () => {
  const directory = useTemporaryDirectory()
  const store = (): StoreLayout => storeLayout(directory.path)

  beforeEach(() => mkdirSync(store().journal, { recursive: true }))

  it('is read back as it was written', () => {
    writeRestoreJournal(store(), begun)
    expect(readRestoreJournal(store())).to.deep.equal(begun)
  })

  it('is replaced by the next one', () => {
    writeRestoreJournal(store(), begun)
    writeRestoreJournal(store(), finished)
    expect(readRestoreJournal(store())).to.deep.equal(finished)
  })

  it('is for nobody else to read', () => {
    writeRestoreJournal(store(), begun)
    expect(statSync(store().restoreJournal).mode & 0o777).to.equal(0o600)
  })

  it('is nothing where there was no restore', () => {
    expect(readRestoreJournal(store())).to.equal(undefined)
  })

  it('tells of a restore that was not finished', () => {
    writeRestoreJournal(store(), begun)
    expect(readInterruptedRestore(store())).to.deep.equal(begun)
  })

  it('tells of none when the last one was finished', () => {
    writeRestoreJournal(store(), finished)
    expect(readInterruptedRestore(store())).to.equal(undefined)
  })

  it('tells of none where there was no restore', () => {
    expect(readInterruptedRestore(store())).to.equal(undefined)
  })

  describe('is refused, because a restore may have been cut off, when', () => {
    const broken: [what: string, text: string][] = [
      ['it is empty', ''],
      ['it is not JSON', 'x'],
      ['it has another schema version', JSON.stringify({ ...begun, schema: 2 })],
      [
        'it does not say whether it was finished',
        JSON.stringify({ ...begun, finishedAt: undefined }),
      ],
      ['its volumes are no list', JSON.stringify({ ...begun, volumes: 'db' })],
      ['all comes from __proto__', `{"__proto__":${JSON.stringify(finished)}}`],
    ]
    for (const [what, text] of broken) {
      it(what, () => {
        writeFileSync(store().restoreJournal, text)
        expect(() => readInterruptedRestore(store())).to.throw(
          OperationError,
          /restore\.json cannot be read .*a restore may have been cut off; move the file away/,
        )
      })
    }

    it('it is a FIFO', () => {
      makeFifo(store().restoreJournal)
      expect(() => readInterruptedRestore(store())).to.throw(OperationError, 'not a regular file')
    })

    it('it is a symbolic link', () => {
      symlinkSync('/etc/passwd', store().restoreJournal)
      expect(() => readInterruptedRestore(store())).to.throw(OperationError, 'ELOOP')
    })
  })
})

describe('explainInterruptedRestore', () => {
  it('says how to finish it and how to go back', () => {
    expect(explainInterruptedRestore(begun).message).to.equal(
      'a restore of @GMT-2026.11.19-03.00.00 into db, files was cut off (begun 2026-11-20T09:00:01.000Z), ' +
        'the live data are a mixture: finish it with "snap-volume restore @GMT-2026.11.19-03.00.00 ' +
        '--volume db --volume files", or go back with "snap-volume restore --undo"',
    )
  })

  it('names the volumes of the snapshot where those have other IDs', () => {
    const volumes = [{ id: 'web', path: '/var/www', from: 'files' }]
    expect(explainInterruptedRestore({ ...begun, volumes }).message).to.include(
      '"snap-volume restore @GMT-2026.11.19-03.00.00 --volume files --as web", or go back',
    )
  })

  for (const [undo, words] of [
    [false, '@GMT-2026.11.19-03.00.00 --volume db --volume files --without-safety'],
    [true, '--undo --without-safety'],
  ] as const) {
    it(`offers no way back where nothing was kept${undo ? ', and it was one' : ''}`, () => {
      expect(explainInterruptedRestore({ ...begun, undo, safety: null }).message).to.match(
        new RegExp(`finish it with "snap-volume restore ${words}", nothing of what .* was kept$`),
      )
    })
  }
})
