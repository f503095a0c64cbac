/** Snapshots of one source, taken by one program. */
export interface SnapshotStore {
  /** Untimed, before a snapshot or a restore. */
  prepare?: () => Promise<void>
  snapshot: () => Promise<void>
  /** Untimed, after a snapshot: until it does nothing more of its own accord. */
  settle?: () => Promise<void>
  close?: () => Promise<void>
}

/** A program that makes such stores. */
export interface StoreKind<Store extends SnapshotStore = SnapshotStore> {
  name: string
  /** The directory is empty, and for this store alone. */
  make: (directory: string) => Promise<Store>
}

/** A store whose newest snapshot can be put back in place. */
export interface RestorableStore extends SnapshotStore {
  restore: () => Promise<void>
}
