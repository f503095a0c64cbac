import { mkdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { noRules } from '../../../src/config/keep-rules.ts'
import * as fc from 'fast-check'
import { OperationError } from '../../../src/errors.ts'
import { type StoreLayout, storeLayout } from '../../../src/store/layout.ts'
import {
  type SavedConfig,
  readSavedConfig,
  writeSavedConfig,
} from '../../../src/store/saved-config.ts'
import { makeFifo } from '../support/fifo.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const config: SavedConfig = {
  schema: 1,
  volumes: [
    { id: 'db', path: '/var/lib/mysql' },
    { id: 'files', path: '/var/www/with: colon' },
  ],
  cron: '0 3 * * *',
  checksumCron: '0 4 * * 0',
  changeLimit: 80,
  timeZone: 'Europe/Berlin',
  maxSnapshots: 128,
  prune: 'always',
  engine: 'auto',
  exclude: ['*.tmp', 'db:/cache/'],
  onUnreadable: 'flag',
  quiesce: 'none',
  hasDockerApi: false,
  storeAbilities: { lacks: ['xattrs'], mtimeStepNs: 1, mtimeRange: { from: 0, to: 2_147_483_647 } },
  startedAt: '2026-11-20T03:00:00.000Z',
  program: '0.1.0',
}

describe('the saved configuration', () => {
  const directory = useTemporaryDirectory()
  const store = (): StoreLayout => storeLayout(directory.path)
  const write = (text: string): void => writeFileSync(store().config, text)

  beforeEach(() => mkdirSync(dirname(store().config), { recursive: true }))

  it('of a start that tried no filesystem says that nothing lacks', () => {
    const { storeAbilities: _, ...older } = config
    write(JSON.stringify(older))
    expect(readSavedConfig(store()).storeAbilities).to.deep.equal({ lacks: [], mtimeStepNs: 1 })
  })

  it('is read back as it was written', () => {
    writeSavedConfig(store(), config)
    expect(readSavedConfig(store())).to.deep.equal(config)
  })

  it('compares all contents never where it is of before that could be asked for', () => {
    const { checksumCron: _, ...before } = config
    write(JSON.stringify(before))
    expect(readSavedConfig(store()).checksumCron).to.equal('')
  })

  it('leaves nothing out where it is of before that could be asked for', () => {
    const { exclude: _, ...before } = config
    write(JSON.stringify(before))
    expect(readSavedConfig(store()).exclude).to.deep.equal([])
  })

  it('fails where something cannot be read, where it is of before anything else could be asked for', () => {
    const { onUnreadable: _, ...before } = config
    write(JSON.stringify(before))
    expect(readSavedConfig(store()).onUnreadable).to.equal('fail')
  })

  it('cannot be used where it leaves out what is no pattern', () => {
    write(JSON.stringify({ ...config, exclude: ['db:['] }))
    expect(() => readSavedConfig(store())).to.throw(OperationError, 'not a pattern')
  })

  it('is read back whatever volumes it has', () => {
    const id = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/)
    const part = fc.stringMatching(/^[^/\0]{1,20}$/).filter((text) => !/^\.{1,2}$/.test(text))
    const paths = fc.array(part, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(id, paths, (volumeId, parts) => {
        const volumes = [{ id: volumeId, path: `/${parts.join('/')}` }]
        writeSavedConfig(store(), { ...config, volumes })
        expect(readSavedConfig(store()).volumes).to.deep.equal(volumes)
      }),
      { numRuns: 30 },
    )
  })

  it('is for nobody else to read', () => {
    writeSavedConfig(store(), config)
    expect(statSync(store().config).mode & 0o777).to.equal(0o600)
  })

  it('is asked for when there is none', () => {
    expect(() => readSavedConfig(store())).to.throw(
      OperationError,
      `the store ${directory.path} has no configuration yet: run "snap-volume start ID:PATH"`,
    )
  })

  it('never gives a path that is not normalised', () => {
    write(JSON.stringify({ ...config, volumes: [{ id: 'a', path: '/srv//data/' }] }))
    expect(readSavedConfig(store()).volumes).to.deep.equal([{ id: 'a', path: '/srv/data' }])
  })

  describe('is refused, with how to write it anew, when', () => {
    const forged = (keys: object): string => JSON.stringify({ ...config, ...keys })
    const broken: [what: string, text: string][] = [
      ['it is empty', ''],
      ['it is not JSON', 'volumes: []'],
      ['it is null', 'null'],
      ['it has another schema version', forged({ schema: 2 })],
      ['it has no volumes', forged({ volumes: [] })],
      ['its volumes are no list', forged({ volumes: 'db:/x' })],
      ['an id leads out of the store', forged({ volumes: [{ id: '../..', path: '/x' }] })],
      ['a path is relative', forged({ volumes: [{ id: 'a', path: 'x' }] })],
      ['a path has ..', forged({ volumes: [{ id: 'a', path: '/x/../../etc' }] })],
      ['a path is the root', forged({ volumes: [{ id: 'a', path: '/' }] })],
      ['a path has a NUL', forged({ volumes: [{ id: 'a', path: '/x\0' }] })],
      ['an id has a colon', forged({ volumes: [{ id: 'a:/y', path: '/x' }] })],
      [
        'volumes overlap',
        forged({
          volumes: [
            { id: 'a', path: '/x' },
            { id: 'b', path: '/x/y' },
          ],
        }),
      ],
      ['the maximum is 0', forged({ maxSnapshots: 0 })],
      ['no rule keeps anything', forged({ keep: { rules: noRules } })],
      ['a rule is negative', forged({ keep: { rules: { ...noRules, daily: -1 } } })],
      ['the cap of the rules is 0', forged({ keep: { rules: { ...noRules, daily: 1 }, cap: 0 } })],
      ['the time zone is none', forged({ timeZone: 'Middle/Earth' })],
      ['the maximum is a text', forged({ maxSnapshots: '128' })],
      ['the engine is unknown', forged({ engine: 'rm -rf' })],
      ['all comes from __proto__', `{"__proto__":${JSON.stringify(config)}}`],
      ['it is nested deeply', '['.repeat(1_000_000)],
    ]
    for (const [what, text] of broken) {
      it(what, () => {
        write(text)
        expect(() => readSavedConfig(store())).to.throw(
          OperationError,
          /config\.json cannot be used \(.*\): run "snap-volume start ID:PATH" again/s,
        )
      })
    }

    it('it is huge', () => {
      write('')
      truncateSync(store().config, 2 ** 40)
      expect(() => readSavedConfig(store())).to.throw(OperationError, 'larger than')
    })

    it('it is a FIFO', () => {
      makeFifo(store().config)
      expect(() => readSavedConfig(store())).to.throw(OperationError, 'not a regular file')
    })

    it('it is a symbolic link', () => {
      symlinkSync('/etc/passwd', store().config)
      expect(() => readSavedConfig(store())).to.throw(OperationError, 'ELOOP')
    })
  })
})
