import { findDamaged, readCatalog } from '../../store/catalog.ts'
import { resolveReference } from '../../store/references.ts'
import type { ActionContext } from '../context.ts'

/**
 * The names of the snapshots that are named, or of so many of the oldest ones; undefined where
 * neither is asked for. Throws OperationError for a name that none has.
 */
export function chooseForUsage(
  { store, clock }: Pick<ActionContext, 'store' | 'clock'>,
  { references, oldest }: { references: readonly string[]; oldest: number | undefined },
): string[] | undefined {
  const catalog = readCatalog(store)
  if (oldest !== undefined) return catalog.snapshots.slice(0, oldest).map(({ name }) => name)
  if (references.length === 0) return undefined
  return references.map(
    (reference) =>
      findDamaged(catalog, reference)?.name ??
      resolveReference(catalog, reference, clock.now()).name,
  )
}
