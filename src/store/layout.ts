import { join } from 'node:path'

/** Paths of a store (docs/internals/store-layout.md). */
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
  /** What was done to the store, a line an act; the newest ones, and those before. */
  acts: string
  olderActs: string
  /** Held while the older ones give place. */
  actsLock: string
  /** What the clock said at the last run. */
  clock: string
  /** Which snapshots share which inodes, as far as that was walked. */
  usageCache: string
  /** What stored files were when they were first read, and which file each path is. */
  digests: string
  manifests: string
  /** What came of comparing them. */
  verified: string
  /** Held while these are written. */
  verifyLock: string
  /** Held while a snapshot is proved. */
  proveLock: string
  /** Writable copies of snapshots, a directory each. */
  clones: string
  /** The running daemon, for whoever shares the store. */
  socket: string
}

export const recordFileName = '.snapshot.json'

/**
 * The record of a snapshot that is being deleted where it was, because it could not be moved to the
 * trash.
 */
export const removedRecordFileName = '.snapshot.removed.json'

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
    acts: join(own, 'acts.jsonl'),
    olderActs: join(own, 'acts.old.jsonl'),
    actsLock: join(own, 'acts.lock'),
    clock: join(own, 'clock.json'),
    usageCache: join(own, 'usage.cache'),
    digests: join(own, 'verify.digests'),
    manifests: join(own, 'verify'),
    verified: join(own, 'verified.json'),
    verifyLock: join(own, 'verify.lock'),
    proveLock: join(own, 'prove.lock'),
    clones: join(own, 'clones'),
    socket: join(own, 'control.sock'),
  }
}
