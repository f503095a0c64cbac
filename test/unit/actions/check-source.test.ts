import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { assertSourceIsThere } from '../../../src/actions/check-source.ts'
import { OperationError } from '../../../src/errors.ts'
import { readCatalog } from '../../../src/store/catalog.ts'
import { storeLayout } from '../../../src/store/layout.ts'
import type { VolumeRecord } from '../../../src/store/record.ts'
import { aCatalog, aRecord, aSnapshot, plantSnapshot } from '../support/snapshots.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const before = '@GMT-2026.11.19-03.00.00'
const nowhere = '/nonexistent/staging/data'
const [filled] = aRecord(before).volumes as [VolumeRecord]

function withFiles(files: number, differences: Partial<VolumeRecord> = {}): VolumeRecord {
  const contents = filled.contents === null ? null : { ...filled.contents, files }
  return { ...filled, contents, ...differences }
}

const check = (now: VolumeRecord, ...then: VolumeRecord[]): void => {
  const catalog = aCatalog([aSnapshot(before, { volumes: then })])
  assertSourceIsThere(now, nowhere, catalog)
}

describe('assertSourceIsThere', () => {
  it('refuses an empty volume that had files, and says what to do', () => {
    expect(() => check(withFiles(0), withFiles(3))).to.throw(
      OperationError,
      'volume data is not snapshotted: /srv/data has no files, and @GMT-2026.11.19-03.00.00 has; ' +
        'mount it, or if this is meant, run "snap-volume snapshot --allow-empty"',
    )
  })

  for (const kind of ['symlinks', 'specials'] as const) {
    it(`refuses an empty volume that had only ${kind}`, () => {
      const { contents } = withFiles(0)
      const had = withFiles(0, { contents: contents && { ...contents, [kind]: 150 } })
      expect(() => check(withFiles(0), had)).to.throw(
        OperationError,
        `/srv/data is empty, and ${before} is not`,
      )
      expect(() => check(had, had)).not.to.throw()
      expect(() => check(had, withFiles(3))).to.throw(OperationError, '/srv/data has no files')
    })
  }

  it('allows an empty volume that was empty before', () => {
    expect(() => check(withFiles(0), withFiles(0))).not.to.throw()
  })

  it('allows an empty volume that no snapshot has yet', () => {
    expect(() => check(withFiles(0), withFiles(3, { id: 'other' }))).not.to.throw()
  })

  it('allows a volume with fewer files', () => {
    expect(() => check(withFiles(1), withFiles(3))).not.to.throw()
  })

  it('refuses a path that is no mount point any more', () => {
    expect(() =>
      check(withFiles(3, { mountPoint: false }), withFiles(3, { mountPoint: true })),
    ).to.throw(OperationError, '/srv/data is no mount point now, and was one in')
  })

  it('allows another path that is no mount point', () => {
    expect(() =>
      check(withFiles(3, { mountPoint: false, path: '/x' }), withFiles(3, { mountPoint: true })),
    ).not.to.throw()
  })

  it('goes by the newest snapshot that has the volume', () => {
    const catalog = aCatalog([
      aSnapshot('@GMT-2026.11.17-03.00.00', { volumes: [withFiles(3)] }),
      aSnapshot('@GMT-2026.11.18-03.00.00', { volumes: [withFiles(0)] }),
      aSnapshot(before, { volumes: [withFiles(9, { id: 'other' })] }),
    ])
    expect(() => assertSourceIsThere(withFiles(0), nowhere, catalog)).not.to.throw()
  })

  it('goes by none that a restore took of what it replaced', () => {
    const catalog = aCatalog([
      aSnapshot('@GMT-2026.11.18-03.00.00', { volumes: [withFiles(3)] }),
      aSnapshot(before, { kind: 'safety', volumes: [withFiles(0)] }),
    ])
    expect(() => assertSourceIsThere(withFiles(0), nowhere, catalog)).to.throw(OperationError)
  })

  describe('after an adopted snapshot, which nobody counted,', () => {
    const directory = useTemporaryDirectory()
    const volumes = [{ ...filled, contents: null }]

    it('refuses an empty volume that has anything there', () => {
      const path = plantSnapshot(storeLayout(directory.path), before, { volumes })
      writeFileSync(join(path, 'data/a'), '')
      const catalog = readCatalog(storeLayout(directory.path))
      expect(() => assertSourceIsThere(withFiles(0), nowhere, catalog)).to.throw(OperationError)
    })

    it('allows an empty volume that has nothing there', () => {
      const path = plantSnapshot(storeLayout(directory.path), before, { volumes })
      mkdirSync(join(path, 'data'), { recursive: true })
      const catalog = readCatalog(storeLayout(directory.path))
      expect(() => assertSourceIsThere(withFiles(0), nowhere, catalog)).not.to.throw()
    })
  })

  describe('after a copy in which nobody counted', () => {
    const directory = useTemporaryDirectory()
    const uncounted = { ...filled, contents: null }
    const catalog = aCatalog([aSnapshot(before, { volumes: [withFiles(3)] })])

    it('refuses an empty tree where there were files', () => {
      expect(() => assertSourceIsThere(uncounted, directory.path, catalog)).to.throw(
        OperationError,
        '/srv/data has no files',
      )
    })

    it('allows a tree with anything in it', () => {
      writeFileSync(join(directory.path, 'a'), '')
      expect(() => assertSourceIsThere(uncounted, directory.path, catalog)).not.to.throw()
    })
  })
})
