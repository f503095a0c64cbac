import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { prune } from '../../src/actions/store/prune.ts'
import { storeLayout } from '../../src/store/layout.ts'
import { findHolder } from '../../src/store/lock.ts'
import { openStore } from '../../src/store/open.ts'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { contextInProcess } from '../../test/store/support/in-process.ts'
import { type Daemon, programFile, startDaemon } from '../../test/support/cli.ts'
import type { Run } from '../command.ts'
import type { RestorableStore, StoreKind } from './store.ts'

export interface SnapVolumeStore extends RestorableStore {
  /** Takes a snapshot too, and gives its record. */
  snapshotRecord: () => Promise<SnapshotRecord>
  /** Their directories, the oldest first. */
  snapshots: () => string[]
  /** Removes what is older than the newest `keep` snapshots. */
  prune: (keep: number) => Promise<void>
  /** The same in this process, which runs already, as the sidecar does. */
  pruneInProcess: (keep: number) => Promise<void>
}

export interface SnapVolumeOptions {
  engine?: 'link' | 'btrfs' | 'rsync'
  /** SNAP_QUIESCE */
  quiesce?: 'none' | 'pause'
  /** SNAP_MAX */
  keep?: number
  /** The node that runs it. */
  node?: string
  /**
   * Its sidecar runs beside it, is asked for snapshots, and prepares for the next one when nobody
   * waits.
   */
  sidecar?: boolean
}

/** Two snapshots have names a second apart; the second one would wait for its own. */
const apartMs = 1100

const longestPreparationMs = 120_000

export function snapVolume(
  run: Run,
  source: string,
  {
    engine = 'link',
    quiesce = 'none',
    keep = 1000,
    node = process.execPath,
    sidecar = false,
  }: SnapVolumeOptions = {},
): StoreKind<SnapVolumeStore> {
  return {
    name: 'snap-volume',
    async make(directory) {
      const store = join(directory, 'store')
      const env: Record<string, string> = {
        SNAP_DIR: store,
        SNAP_ENGINE: engine,
        SNAP_QUIESCE: quiesce,
        SNAP_MAX: `${keep}`,
        // what it costs is measured by itself (scenarios/questions.ts)
        SNAP_VERIFY_NEW: 'false',
      }
      const daemon = await startIdly(source, env)
      if (sidecar) env['SNAP_HOST'] = `unix://${store}/.snap-volume/control.sock`
      else await stop(daemon)
      let endedMs = 0
      const snap = async (words: readonly string[], more: Record<string, string> = {}) => {
        const output = await run([node, programFile, ...words], { env: { ...env, ...more } })
        endedMs = performance.now()
        return output
      }
      return {
        prepare: () => sleep(Math.max(0, endedMs + apartMs - performance.now())),
        snapshot: async () => void (await snap(['snapshot'])),
        async snapshotRecord() {
          const lines = (await snap(['snapshot', '--json'])).trim().split('\n')
          return (JSON.parse(lines.at(-1) ?? '') as { snapshot: SnapshotRecord }).snapshot
        },
        snapshots: () =>
          readdirSync(store)
            .filter((name) => name.startsWith('@'))
            .toSorted()
            .map((name) => join(store, name)),
        restore: async () => void (await snap(['restore', 'latest', '--yes'])),
        prune: async (keep) => void (await snap(['prune', '--yes'], { SNAP_MAX: `${keep}` })),
        async pruneInProcess(maxSnapshots) {
          const volumes = [{ id: 'data', path: source }]
          const context = contextInProcess(openStore(store), { volumes, maxSnapshots, engine })
          await prune(context, { yes: true })
        },
        ...(sidecar && {
          settle: async () => untilPrepared(store),
          close: async () => stop(daemon),
        }),
      }
    },
  }
}

/** What `start` records is for the commands that follow; it takes no snapshot of its own accord. */
async function startIdly(source: string, env: Record<string, string>): Promise<Daemon> {
  const never = { SNAP_CRON: '0 3 1 1 *', SNAP_ON_START: 'false', SNAP_CATCH_UP: 'false' }
  return startDaemon([`data:${source}`], { env: { ...env, ...never } })
}

async function stop(daemon: Daemon): Promise<void> {
  const exitCode = await daemon.stop()
  if (exitCode !== 0) throw new Error(`start ended with ${exitCode}:\n${daemon.output()}`)
}

/** Until the newest snapshot is linked in advance, and what has been removed is deleted. */
async function untilPrepared(store: string): Promise<void> {
  const own = storeLayout(store)
  const giveUpMs = performance.now() + longestPreparationMs
  while (
    readdirSync(own.prelinked).length === 0 ||
    (await findHolder(own.prelinkLock)) !== undefined ||
    readdirSync(own.trash).length > 0
  ) {
    if (performance.now() > giveUpMs) throw new Error(`nothing was linked in advance in ${store}`)
    await sleep(50)
  }
}
