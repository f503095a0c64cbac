import { chmodSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreLayout } from './layout.ts'
import { takeSpare } from './spare.ts'
import { moveToTrash } from './trash.ts'

/** Moves what a killed run left in staging to the trash; the caller holds the lock, so nobody writes it. */
export function discardStaging(store: StoreLayout): void {
  moveToTrash(
    store,
    readdirSync(store.staging).map((name) => join(store.staging, name)),
  )
}

/** Makes an empty directory that becomes a snapshot when it is published. */
export function createStaging(store: StoreLayout): string {
  const directory = mkdtempSync(join(store.staging, 'snapshot-'))
  chmodSync(directory, 0o755)
  return directory
}

/** Makes the directory of one volume in it: from the spare where the engine can begin with one, else empty. */
export function createStagedVolume(
  store: StoreLayout,
  staging: string,
  id: string,
  options: { fromSpare: boolean },
): { target: string; refill: boolean } {
  const target = join(staging, id)
  const refill = options.fromSpare && takeSpare(store, id, target)
  if (!refill) mkdirSync(target, 0o700)
  return { target, refill }
}
