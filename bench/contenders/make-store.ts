import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contender } from '../measure.ts'
import type { SnapshotStore, StoreKind } from './store.ts'

/** Makes a store in a directory of its own, which is named for the kind. */
export async function makeStore<Store extends SnapshotStore>(
  home: string,
  kind: StoreKind<Store>,
): Promise<Store> {
  const directory = join(home, kind.name.replaceAll(/\W+/g, '-'))
  await mkdir(directory)
  return kind.make(directory)
}

/** Takes another snapshot into the same store, each time. */
export function takingSnapshots(
  name: string,
  { prepare, snapshot, settle }: SnapshotStore,
): Contender {
  return { name, prepare, run: snapshot, cleanUp: settle }
}
