import { OperationError } from '../errors.ts'
import type { Settings } from '../config/settings.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { assertRsync } from '../copy/rsync-command.ts'
import { adoptPredecessor } from '../store/adoption.ts'
import type { StoreLayout } from '../store/layout.ts'
import { createStore, isOnRootFilesystem } from '../store/open.ts'
import { writeSavedConfig } from '../store/saved-config.ts'
import { discardStaging } from '../store/staging.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { assertPrivileges } from '../system/privileges.ts'
import { programVersion } from '../system/version.ts'
import { assertVolumesApart } from './check-volumes.ts'
import { type ActionContext, type StoreConfig, withStoreLock } from './context.ts'
import { emptyTrash } from '../store/trash.ts'

/**
 * Checks that snapshots of `volumes` can be taken here and makes the store where there is none.
 * Throws OperationError for the first thing that is not as it must be; the store is unchanged then.
 */
export async function prepareStore(
  settings: Settings,
  volumes: readonly VolumeSpec[],
): Promise<StoreLayout> {
  assertPrivileges()
  await assertRsync()
  for (const { path } of volumes) openDirectory(path).close()
  assertVolumesApart(settings.storeDirectory, volumes)
  if (settings.inImage && isOnRootFilesystem(settings.storeDirectory)) {
    throw new OperationError(
      `the store ${settings.storeDirectory} is inside the container and would go with it: mount one with -v /some/directory:${settings.storeDirectory}`,
    )
  }
  return createStore(settings.storeDirectory)
}

/**
 * Records the configuration in the store, takes over a predecessor's snapshots, and finishes what a
 * killed run left.
 */
export async function recordStart(context: ActionContext, now: Date): Promise<void> {
  const { store, config, emit } = context
  await withStoreLock(context, 'start', async (lock) => {
    discardStaging(store)
    for (const event of adoptPredecessor(store, config.volumes)) emit(event)
    writeSavedConfig(store, savedConfig(config, now))
    const leftOver = await emptyTrash(store, lock, context.signal)
    if (leftOver !== undefined) emit({ type: 'warning', code: 'trash', message: leftOver })
  })
}

function savedConfig(config: StoreConfig, now: Date) {
  return {
    schema: 1 as const,
    ...config,
    startedAt: now.toISOString(),
    program: programVersion,
  }
}
