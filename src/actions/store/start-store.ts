import { existsSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { OperationError } from '../../errors.ts'
import type { Settings } from '../../config/settings.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { assertRsync } from '../../system/rsync-version.ts'
import { adoptPredecessor } from '../../store/adoption.ts'
import type { StoreAbilities } from '../../store/abilities.ts'
import { type StoreLayout, storeLayout } from '../../store/layout.ts'
import { createStore, removeEmptyStore } from '../../store/open.ts'
import { writeSavedConfig } from '../../store/saved-config.ts'
import { discardPrelinked } from '../../store/prelinked.ts'
import { discardStaging } from '../../store/staging.ts'
import { moveToTrash } from '../../store/trash.ts'
import { assertDirectory, isRealDirectory } from '../../tree/directory-handle.ts'
import { isOwnOfContainer } from '../../system/container.ts'
import { readMounts } from '../../system/mounts.ts'
import { assertPrivileges } from '../../system/privileges.ts'
import { programVersion } from '../../system/version.ts'
import { assertVolumesApart, assertVolumesMounted } from '../check-volumes.ts'
import { type ActionContext, type StoreConfig, asWriter } from '../context.ts'
import { explainFailure, inStore } from '../explain-failure.ts'
import { logged } from '../log-act.ts'
import { tryStore, warnOfLacks } from './try-store.ts'
import { warnOfOthers, warnOfPlaces, warnOfRemoval } from './warn-at-start.ts'

export interface PreparedStore {
  store: StoreLayout
  abilities: StoreAbilities
}

/**
 * Checks that snapshots of `volumes` can be taken here and makes the store where there is none.
 * Throws OperationError for the first thing that is not as it must be; the store is unchanged then.
 */
export async function prepareStore(
  settings: Settings,
  volumes: readonly VolumeSpec[],
): Promise<PreparedStore> {
  assertPrivileges()
  await assertRsync()
  for (const { path } of volumes) assertDirectory(path)
  assertVolumesApart(settings.storeDirectory, volumes)
  assertVolumesMounted(volumes, settings.inImage)

  if (isOwnOfContainer(settings.storeDirectory, settings.inImage, readMounts())) {
    throw new OperationError(
      `the store ${settings.storeDirectory} is inside the container and would go with it`,
      { fix: `mount one with -v /some/directory:${settings.storeDirectory}` },
    )
  }

  const { directory, own } = storeLayout(settings.storeDirectory)
  const found = { directory: existsSync(directory), own: existsSync(own) }
  const store = createStore(directory)
  try {
    return { store, abilities: await tryStore(store, settings) }
  } catch (error) {
    takeBack(store, found)
    throw error
  }
}

/**
 * Or it would be there, with whatever modes this filesystem gave it, when it is mounted as it
 * should be.
 */
function takeBack(store: StoreLayout, found: { directory: boolean; own: boolean }): void {
  try {
    if (!found.own) removeEmptyStore(store)
    if (!found.directory) rmdirSync(store.directory)
  } catch {
    // why it was refused is what people have to know
  }
}

/**
 * Records the configuration in the store, takes over a predecessor's snapshots, and finishes what a
 * killed run left.
 */
export async function recordStart(context: ActionContext, now: Date): Promise<void> {
  const volumes = context.config.volumes.map(({ id }) => id)
  await logged(
    context,
    { act: 'start', volumes },
    async () => tidyAndRecord(context, now),
    () => ({}),
  )
}

async function tidyAndRecord(context: ActionContext, now: Date): Promise<void> {
  const { store, config, emit } = context
  await asWriter(context, 'start', async () => {
    try {
      await discardStaging(store)
      await discardPrelinked(store)
      await discardSpares(store)
      const adopted = adoptPredecessor(store, config.volumes)
      const events = [
        ...warnOfLacks(store, config),
        ...warnOfPlaces(store, config),
        ...adopted,
        ...warnOfOthers(store, config, adopted, now),
        ...warnOfRemoval(store, config, now),
      ]

      for (const event of events) emit(event)
      writeSavedConfig(store, savedConfig(config, now))
    } catch (error) {
      throw await explainFailure(error, inStore(store.directory), 'nothing was started')
    }
  })
}

/** Version 0.1 kept copies of snapshots under these names. */
async function discardSpares(store: StoreLayout): Promise<void> {
  const spares = ['spare', 'spare.new'].map((name) => join(store.own, name)).filter(isRealDirectory)
  await moveToTrash(store, spares)
}

function savedConfig({ abilities, ...config }: StoreConfig, now: Date) {
  return {
    schema: 1 as const,
    ...config,
    storeAbilities: abilities,
    startedAt: now.toISOString(),
    program: programVersion,
  }
}
