import { join } from 'node:path'

/** Paths of a store (spec: "On disk"). */
export interface StoreLayout {
  /** The store itself; the snapshots are directly in it. */
  directory: string
  /** The program's own directory, mode 0700. */
  own: string
  config: string
  lock: string
  /** Held by `start` for as long as it runs; `lock` only while something is written. */
  daemonLock: string
  staging: string
  trash: string
  journal: string
  restoreJournal: string
  /** Touched by the running daemon; HEALTHCHECK looks at its age. */
  heartbeat: string
  /** When the next scheduled run is due. */
  schedule: string
}

export const recordFileName = '.snapshot.json'

export function storeLayout(directory: string): StoreLayout {
  const own = join(directory, '.snap-volume')
  const journal = join(own, 'journal')
  return {
    directory,
    own,
    config: join(own, 'config.json'),
    lock: join(own, 'lock'),
    daemonLock: join(own, 'daemon.lock'),
    staging: join(own, 'staging'),
    trash: join(own, 'trash'),
    journal,
    restoreJournal: join(journal, 'restore.json'),
    heartbeat: join(own, 'heartbeat'),
    schedule: join(own, 'schedule.json'),
  }
}
