import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { syncFilesystem } from './durable.ts'
import type { StoreLayout } from './layout.ts'

/** Blocks and inodes: journals, and directories where the data are on the same filesystem. */
const files = 4
const bytesEach = 16 * 1024

/** Keeps some room for a restore that must go on although the store is full; a store that is full already has none. */
export function keepReserve({ reserve }: StoreLayout): void {
  try {
    mkdirSync(reserve, 0o700)
  } catch {
    return
  }
  try {
    for (let file = 0; file < files; file += 1) {
      writeFileSync(join(reserve, String(file)), Buffer.alloc(bytesEach, 'room '), { mode: 0o600 })
    }
  } catch {
    rmSync(reserve, { recursive: true, force: true })
  }
}

/** Gives it back; whoever writes the store next keeps a new one. */
export async function spendReserve(store: StoreLayout): Promise<void> {
  removeReserve(store)
  // XFS and btrfs free what was deleted when that is on the disk; where it fails, what follows says so
  await syncFilesystem(store.own).catch(() => undefined)
}

export function removeReserve({ reserve }: StoreLayout): void {
  rmSync(reserve, { recursive: true, force: true })
}
