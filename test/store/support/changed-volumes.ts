import { shellIn } from '../../support/shell.ts'
import { untilAllIsOld } from '../../support/until-all-is-old.ts'
import { type ForeignChange, unchangedData } from './foreign-changes.ts'
import { type InProcessStore, makeInProcessStore } from './in-process.ts'

/** A volume that one foreign change is for. */
export interface ChangedVolume extends ForeignChange {
  id: string
  what: string
  data: string
}

/** One volume for each change, so that all changes share the snapshots that tests look at. */
export function volumesFor(changes: Readonly<Record<string, ForeignChange>>): ChangedVolume[] {
  return Object.entries(changes).map(([what, change], index) => ({
    ...change,
    what,
    id: `volume-${index + 1}`,
    data: '',
  }))
}

/** A store of these volumes, whose data are old; it fills in where the data are. */
export async function makeStoreOf(volumes: readonly ChangedVolume[]): Promise<InProcessStore> {
  const store = makeInProcessStore('link', 100)
  for (const volume of volumes) {
    volume.data = `${store.data}/${volume.id}`
    await shellIn(store.data, `mkdir ${volume.id}; cd ${volume.id}; ${unchangedData}`)
  }
  store.context.config.volumes = volumes.map(({ id, data: path }) => ({ id, path }))
  await untilAllIsOld(store.data)
  return store
}

/** Where a volume is in a snapshot. */
export function treeIn(store: InProcessStore, snapshot: string, id: string): string {
  return `${store.context.store.directory}/${snapshot}/${id}`
}
