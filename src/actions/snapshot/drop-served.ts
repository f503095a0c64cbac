import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { indexFileName } from '../../store/layout.ts'
import { discardPrelinked } from '../../store/prelinked.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import type { ActionContext } from '../context.ts'

/** It has served, or nobody could use it. What cannot be moved now is moved by the next run. */
export async function dropUsedLinks({ store, emit }: ActionContext): Promise<void> {
  try {
    await discardPrelinked(store)
  } catch (error) {
    const message = `what is left in ${store.prelinked} cannot be removed: ${messageOf(error)}`
    emit({ type: 'warning', code: 'prelinked', message })
  }
}

/**
 * Only the newest snapshot of a volume is a base: the index beside the one before has served. What
 * cannot be removed takes space and does nothing else, and the snapshot is published already.
 */
export function dropIndexes({ store, emit }: ActionContext, { volumes }: SnapshotRecord): void {
  for (const { id, base, baseVolume = id } of volumes) {
    if (base === null) continue
    const index = join(store.directory, base, indexFileName(baseVolume))
    try {
      rmSync(index, { force: true, recursive: true })
    } catch (error) {
      const message = `${index} has served and cannot be removed: ${messageOf(error)}`
      emit({ type: 'warning', code: 'index', volume: id, message })
    }
  }
}
