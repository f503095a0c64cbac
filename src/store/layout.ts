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
  /** Held while the trash is being deleted. */
  trashLock: string
  staging: string
  trash: string
  /** Links to the newest snapshot, made in advance for the next one. */
  prelinked: string
  /** Held while they are made. */
  prelinkLock: string
  /** Room that a restore without a safety snapshot gives back. */
  reserve: string
  journal: string
  restoreJournal: string
  /** Which consumers are paused or stopped. */
  consumerJournal: string
  /** Held by the process that paused or stopped them, and by no program it starts. */
  consumerLock: string
  /** Written by the running daemon; HEALTHCHECK looks at its age and its first line. */
  heartbeat: string
  /** When the next scheduled run is due. */
  schedule: string
  /** What became of the runs of the schedule. */
  runs: string
  /** Changes of volumes that nobody has accepted yet. */
  changes: string
  /** The running daemon, for whoever shares the store. */
  socket: string
}

export const recordFileName = '.snapshot.json'

/** Beside the record: what the next copy of a volume knows its unchanged files by. */
export function indexFileName(volumeId: string): string {
  return `.snapshot.index.${volumeId}`
}

export function storeLayout(directory: string): StoreLayout {
  const own = join(directory, '.snap-volume')
  const journal = join(own, 'journal')
  return {
    directory,
    own,
    config: join(own, 'config.json'),
    lock: join(own, 'lock'),
    daemonLock: join(own, 'daemon.lock'),
    trashLock: join(own, 'trash.lock'),
    staging: join(own, 'staging'),
    trash: join(own, 'trash'),
    prelinked: join(own, 'prelinked'),
    prelinkLock: join(own, 'prelink.lock'),
    reserve: join(own, 'reserve'),
    journal,
    restoreJournal: join(journal, 'restore.json'),
    consumerJournal: join(journal, 'consumers.json'),
    consumerLock: join(own, 'consumers.lock'),
    heartbeat: join(own, 'heartbeat'),
    schedule: join(own, 'schedule.json'),
    runs: join(own, 'runs.json'),
    changes: join(own, 'changes.json'),
    socket: join(own, 'control.sock'),
  }
}
