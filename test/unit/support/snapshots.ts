import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Catalog, Snapshot } from '../../../src/store/catalog.ts'
import { type StoreLayout, recordFileName } from '../../../src/store/layout.ts'
import { parseSnapshotName } from '../../../src/store/names.ts'
import { type SnapshotRecord, formatRecord } from '../../../src/store/record.ts'

/** A record of a manual snapshot of one volume, with what differs from it. */
export function aRecord(name: string, differences: Partial<SnapshotRecord> = {}): SnapshotRecord {
  const time = parseSnapshotName(name)?.toISOString() ?? '2026-11-20T03:00:00.000Z'
  return {
    schema: 1,
    name,
    kind: 'manual',
    program: '0.1.0',
    startedAt: time,
    finishedAt: time,
    consistency: 'live',
    volumes: [
      {
        id: 'data',
        path: '/srv/data',
        engine: 'rsync',
        base: null,
        contents: {
          files: 3,
          directories: 1,
          symlinks: 0,
          specials: 0,
          linkGroups: 0,
          bytes: 3000,
          addedFiles: 1,
          addedBytes: 1000,
        },
      },
    ],
    warnings: [],
    comment: null,
    pinned: false,
    labels: {},
    ...differences,
  }
}

/** A snapshot that is on no disk. */
export function aSnapshot(name: string, differences: Partial<SnapshotRecord> = {}): Snapshot {
  return {
    name,
    time: parseSnapshotName(name) ?? new Date(0),
    path: `/opt/.snap/${name}`,
    record: aRecord(name, differences),
  }
}

export function aCatalog(snapshots: readonly Snapshot[]): Catalog {
  return {
    snapshots: [...snapshots],
    damaged: [],
    names: new Set(snapshots.map(({ name }) => name)),
  }
}

/**
 * Puts a snapshot into a store: its record, or whatever text is to stand for it, and its volumes,
 * `data` if it names none, with a file each.
 */
export function plantSnapshot(
  store: StoreLayout,
  name: string,
  record: Partial<SnapshotRecord> | string = {},
): string {
  const directory = join(store.directory, name)
  const { volumes = aRecord(name).volumes } = typeof record === 'string' ? {} : record
  for (const { id, contents } of volumes) {
    mkdirSync(join(directory, id), { recursive: true })
    if (contents !== null && contents.files > 0) writeFileSync(join(directory, id, '.file'), '')
  }
  writeFileSync(
    join(directory, recordFileName),
    typeof record === 'string' ? record : formatRecord(aRecord(name, record)),
  )
  return directory
}
