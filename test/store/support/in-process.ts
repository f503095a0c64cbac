import { mkdirSync, mkdtempSync, readdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { ActionContext, StoreConfig } from '../../../src/actions/context.ts'
import { takeSnapshot } from '../../../src/actions/snapshot/take-snapshot.ts'
import { allAbilities } from '../../../src/store/abilities.ts'
import type { StoreLayout } from '../../../src/store/layout.ts'
import type { SnapshotRecord } from '../../../src/store/record.ts'
import type { EngineChoice } from '../../../src/config/choices.ts'
import { createStore } from '../../../src/store/open.ts'
import { isRealDirectory } from '../../../src/tree/directory-handle.ts'
import { steppingClock } from './stepping-clock.ts'

export interface InProcessStore {
  data: string
  context: ActionContext
  snapshot(): Promise<SnapshotRecord>
  /** Oldest first. */
  snapshotNames(): string[]
  dataIn(name: string): string
  /**
   * The tree of links to a volume of the newest snapshot that were made in advance, if there is
   * one.
   */
  prelinkedOf(volume: string): string | undefined
  remove(): Promise<void>
}

/** For actions in this process, by a clock of their own, with nobody to hold and nobody to tell. */
export function contextInProcess(
  store: StoreLayout,
  rules: Pick<StoreConfig, 'volumes' | 'maxSnapshots' | 'engine'>,
): ActionContext {
  return {
    store,
    config: {
      ...rules,
      prune: 'always',
      exclude: [],
      onUnreadable: 'fail',
      quiesce: 'none',
      cron: '0 3 * * *',
      checksumCron: '',
      // their trees change from top to bottom
      changeLimit: 0,
      timeZone: 'GMT',
      hasDockerApi: false,
      abilities: allAbilities,
    },
    clock: steppingClock(),
    lockTimeoutMs: 0,
    inImage: false,
    docker: () => Promise.resolve({ client: undefined, missing: 'no Docker in this process' }),
    hooks: { commands: {}, timeoutMs: 0, environment: {} },
    emit: () => undefined,
  }
}

/**
 * A store whose snapshots are taken in this process, by a clock that is a second later each time:
 * so that no snapshot waits for a second of its own, and what the data changed just before has a
 * racy ctime.
 */
export function makeInProcessStore(
  engine: EngineChoice,
  maxSnapshots: number,
  on = tmpdir(),
  dataOn = on,
): InProcessStore {
  const home = makeHome(on)
  const dataHome = dataOn === on ? home : makeHome(dataOn)
  const data = join(dataHome, 'data')
  mkdirSync(data)
  const store = createStore(join(home, 'store'))
  const context = contextInProcess(store, {
    volumes: [{ id: 'data', path: data }],
    maxSnapshots,
    engine,
  })
  return {
    data,
    context,
    snapshot: async () => (await takeSnapshot(context, { kind: 'manual' })).record,
    snapshotNames: () =>
      readdirSync(store.directory)
        .filter((name) => name.startsWith('@GMT-'))
        .toSorted(),
    dataIn: (name) => join(store.directory, name, 'data'),
    prelinkedOf: (volume) =>
      readdirSync(store.prelinked)
        .map((name) => join(store.prelinked, name, volume))
        .find(isRealDirectory),
    async remove() {
      await execa('rm', ['-rf', '--one-file-system', '--', home, dataHome])
    },
  }
}

function makeHome(on: string): string {
  return realpathSync(mkdtempSync(join(on, 'snap-in-process-')))
}
