import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ActionContext } from '../../../src/actions/context.ts'
import { findModel, prelinkSnapshot } from '../../../src/actions/store/prelink.ts'
import { storeLayout } from '../../../src/store/layout.ts'

/** Links the newest snapshot in advance, as the idle daemon does. */
export async function prelink(context: ActionContext): Promise<void> {
  const model = findModel(context.store, context.clock.now())
  if (model === undefined) throw new Error('there is no snapshot to link in advance')
  await prelinkSnapshot(context, model)
}

/** Where the volume of a prelinked tree is. */
export function prelinkedTree(store: string, volume = 'data'): string {
  const { prelinked } = storeLayout(store)
  const [tree] = readdirSync(prelinked).map((name) => join(prelinked, name, volume))
  if (tree === undefined) throw new Error(`there is no prelinked tree in ${store}`)
  return tree
}
