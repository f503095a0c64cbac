import { lstatSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { syncFilesystem } from './durable.ts'
import type { StoreLayout } from './layout.ts'

const kibibyte = 1024

/** Blocks and inodes: journals, and directories where the data are on the same filesystem. */
const small = ['0', '1', '2', '3'].map((name) => ({ name, bytes: 16 * kibibyte }))
/** For what XFS and btrfs take at a time; only where so many times as much is free. */
const large = { name: 'large', bytes: 1024 * kibibyte }
const freeForLarge = 64 * large.bytes

/**
 * Keeps some room for a restore or a removal that must go on although the store is full, and
 * makes a smaller one of a former version whole; a store that is full already has none.
 */
export function keepReserve({ reserve }: StoreLayout): void {
  try {
    mkdirSync(reserve, { mode: 0o700, recursive: true })
    for (const part of small) keep(reserve, part)
    const { bavail, bsize } = statfsSync(reserve)
    if (bavail * bsize >= freeForLarge) keep(reserve, large)
  } catch {
    // then as much as there is
  }
}

function keep(reserve: string, { name, bytes }: { name: string; bytes: number }): void {
  const file = join(reserve, name)
  if ((lstatSync(file, { throwIfNoEntry: false })?.size ?? 0) >= bytes) return
  try {
    // a filesystem may compress all else
    writeFileSync(file, randomBytes(bytes), { mode: 0o600 })
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  }
}

/** Gives it back; whoever writes the store next keeps a new one. */
export async function spendReserve(store: StoreLayout): Promise<void> {
  removeReserve(store)
  // XFS and btrfs free it when that is on the disk; where it fails, what follows says so
  await syncFilesystem(store.own).catch(() => undefined)
}

export function removeReserve({ reserve }: StoreLayout): void {
  rmSync(reserve, { recursive: true, force: true })
}
