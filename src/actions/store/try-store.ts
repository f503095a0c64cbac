import { OperationError, failureCauseOf } from '../../errors.ts'
import type { Settings } from '../../config/settings.ts'
import { type StoreAbilities, allAbilities, silentLacks } from '../../store/abilities.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { probeAbilities } from '../../store/probe/probe-abilities.ts'
import { readSavedConfig } from '../../store/saved-config.ts'
import type { StoreConfig } from '../context.ts'
import type { ActionEvent } from '../events.ts'
import { explainFailure, inStore } from '../explain-failure.ts'

/**
 * What the store keeps of what it is given. Throws OperationError when a restore might be wrong for
 * it without a word, and nobody has said that this is accepted.
 */
export async function tryStore(
  store: StoreLayout,
  { acceptStore }: Pick<Settings, 'acceptStore'>,
): Promise<StoreAbilities> {
  const abilities = await probeOrRecall(store)
  const lacks = silentLacks(abilities)
  if (lacks.length === 0 || acceptStore) return abilities

  throw new OperationError(
    `the filesystem of the store ${store.directory} does not keep ${lacks.join(', ')}`,
    { fix: `${whereTheyAreKept}, or set SNAP_ACCEPT_STORE=true to do without` },
  )
}

export const whereTheyAreKept =
  'put the store on ext4, XFS or btrfs, or mount NTFS with ntfs-3g -o permissions,acl'

async function probeOrRecall(store: StoreLayout): Promise<StoreAbilities> {
  try {
    return (await probeAbilities(store)).abilities
  } catch (error) {
    // a full store must start, for its daemon to prune it
    if (failureCauseOf(error) === 'space') return recallAbilities(store)
    throw await explainFailure(error, inStore(store.directory), 'nothing was started')
  }
}

function recallAbilities(store: StoreLayout): StoreAbilities {
  try {
    return readSavedConfig(store).storeAbilities
  } catch {
    return allAbilities
  }
}

/** What was accepted is told at each start. */
export function warnOfLacks(
  { directory }: StoreLayout,
  { abilities }: Pick<StoreConfig, 'abilities'>,
): ActionEvent[] {
  const lacks = silentLacks(abilities)
  if (lacks.length === 0) return []
  const message = `the filesystem of the store ${directory} does not keep ${lacks.join(', ')}: nor do snapshots and restores`
  return [{ type: 'warning', code: 'store-lacks', message }]
}
