import { mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreLayout } from './layout.ts'
import { moveToTrash } from './trash.ts'

/**
 * Moves what a killed run left in staging to the trash; the caller holds the lock, so nobody writes
 * it.
 */
export async function discardStaging(store: StoreLayout): Promise<void> {
  await moveToTrash(
    store,
    readdirSync(store.staging).map((name) => join(store.staging, name)),
  )
}

/**
 * Makes an empty directory that becomes a snapshot when it is published. Until then it is closed to
 * all others.
 */
export function createStaging(store: StoreLayout): string {
  return mkdtempSync(join(store.staging, 'snapshot-'))
}

/** Makes the empty directory of one volume in it. */
export function createStagedVolume(staging: string, id: string): string {
  const target = join(staging, id)
  mkdirSync(target, 0o700)
  return target
}
