import { chmodSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreLayout } from './layout.ts'
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

/** Makes the directory of one volume in it. */
export function createStagedVolume(staging: string, id: string): string {
  const directory = join(staging, id)
  mkdirSync(directory, 0o700)
  return directory
}
