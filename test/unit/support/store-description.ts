import type { ListedStore } from '../../../src/cli/render/snapshot-list.ts'
import { aRecord } from './snapshots.ts'

/**
 * What `show` knows of a store with one snapshot of 2026-11-20 and a daemon, with what differs from
 * it.
 */
export function aDescription(differences: Partial<ListedStore> = {}): ListedStore {
  return {
    schema: 1,
    directory: '/opt/.snap',
    snapshots: [aRecord('@GMT-2026.11.20-03.00.00')],
    damaged: [],
    config: {
      volumes: [
        {
          id: 'data',
          path: '/srv/data',
          storedAs: '/opt/.snap/@GMT-YYYY/data',
          engine: 'rsync',
          engineReason: 'works everywhere',
          exclude: ['*.tmp', '/cache/'],
        },
      ],
      cron: '0 3 * * *',
      checksumCron: '',
      timeZone: 'GMT',
      maxSnapshots: 7,
    },
    daemon: { running: true, nextRun: '2026-11-21T03:00:00.000Z' },
    retention: [],
    verified: { comparedAt: null, damaged: {} },
    problems: [],
    ...differences,
  }
}
