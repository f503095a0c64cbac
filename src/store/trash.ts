import { randomUUID } from 'node:crypto'
import { readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { messageOf } from '../errors.ts'
import { run } from '../system/run.ts'
import { fsyncDirectory } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import type { Lock } from './lock.ts'

/**
 * Takes directories out of sight by one rename each, durably; what is in them is deleted later by
 * `emptyTrash`. A crash in between leaves them in the trash, never half a snapshot in the store.
 */
export function moveToTrash(store: StoreLayout, paths: readonly string[]): void {
  if (paths.length === 0) return
  for (const path of paths) {
    renameSync(path, join(store.trash, `${basename(path).replace(/^@/, '')}.${randomUUID()}`))
  }
  for (const parent of new Set([store.trash, ...paths.map((path) => dirname(path))])) {
    fsyncDirectory(parent)
  }
}

/**
 * Deletes what is in the trash, by rm(1), which never follows a link that someone puts there meanwhile.
 * What cannot be deleted stays for the next time, and is returned as a line for a warning.
 */
export async function emptyTrash(
  store: StoreLayout,
  lock: Lock,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const paths = readdirSync(store.trash).map((name) => join(store.trash, name))
  if (paths.length === 0) return undefined
  try {
    const { exitCode, stderr } = await run('rm', ['-rf', '--one-file-system', '--', ...paths], {
      descriptor3: lock.descriptor,
      signal,
    })
    if (exitCode === 0) return undefined
    const [first = '', ...others] = stderr.trim().split('\n')
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`
    return `what was removed could not all be deleted from ${store.trash}: ${first}${more}`
  } catch (error) {
    return `what was removed is still in ${store.trash}: ${messageOf(error)}`
  }
}
