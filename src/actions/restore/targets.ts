import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { excludesOf } from '../../config/exclude.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { findSubvolumes } from '../../copy/btrfs/find-subvolumes.ts'
import { OperationError, UsageError } from '../../errors.ts'
import { type Snapshot, describeEmptied, describeLoss } from '../../store/catalog.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { displayPath } from '../../tree/byte-path.ts'
import { openDirectory } from '../../tree/directory-handle.ts'
import { type Mount, isMountPoint, mountOf, mountsBelow, readMounts } from '../../system/mounts.ts'
import { isBtrfs } from '../../system/subvolume.ts'
import { assertVolumesApart } from '../check-volumes.ts'

/** A volume that can be restored into. */
export interface RestoreTarget extends VolumeSpec {
  /** The ID that it has in the snapshot. */
  from: string
  /** Other filesystems mounted inside it, and subvolumes, which a restore leaves alone. */
  keptMounts: string[]
}

/** For people and documents: with the ID in the snapshot only where that is another one. */
export function describeTarget({ id, path, from }: RestoreTarget): VolumeSpec & { from?: string } {
  return { id, path, ...(from === id ? {} : { from }) }
}

/** Patterns of what a restore leaves alone: those of now, and those of the snapshot. */
export function excludesOfRestore(
  exclude: readonly string[],
  { record }: Snapshot,
  { id, from }: Pick<RestoreTarget, 'id' | 'from'>,
): string[] {
  const held = record.volumes.find((volume) => volume.id === from)
  return [...new Set([...excludesOf(exclude, id), ...(held?.exclude ?? [])])]
}

/** A configured volume, and the ID of the one in the snapshot that goes into it. */
type WantedVolume = VolumeSpec & Pick<RestoreTarget, 'from'>

/**
 * Chooses the volumes of a restore (all, or those in `ids`, each into the one in the same place of
 * `into`) and refuses, before anything is changed, what could not be done: a volume the snapshot or
 * the configuration does not have, a path that is missing, a link or read-only.
 */
export function checkTargets(
  store: StoreLayout,
  configured: readonly VolumeSpec[],
  snapshot: Snapshot,
  ids: readonly string[],
  into: readonly string[] = ids,
): RestoreTarget[] {
  const volumes =
    ids.length === 0 ? all(configured, snapshot) : named(configured, snapshot, ids, into)
  assertVolumesApart(store.directory, volumes)
  for (const { from } of volumes) assertDataThere(snapshot, from)
  const mounts = readMounts()

  return volumes.map(({ id, path, from }) => {
    const subvolumes = subvolumesIn(path)
    if (mountOf(mounts, path)?.readOnly === true) {
      throw new OperationError(`volume ${id} cannot be restored: ${path} is mounted read-only;`, {
        fix: `mount it read-write (-v ...:${path}:rw)`,
      })
    }

    assertMounted(mounts, path, snapshot, from)
    const mounted = mountsBelow(mounts, path).map((mount) => mount.mountPoint)
    const keptMounts = [...new Set([...mounted, ...subvolumes])]
    const unreadable = keptMounts.find((mount) => mount.includes('\ufffd'))
    if (unreadable !== undefined) {
      throw new OperationError(
        `volume ${id} cannot be restored while there is a mount or a subvolume at ${unreadable}, a name that is no UTF-8`,
        { fix: 'unmount it, or rename the subvolume' },
      )
    }

    return { id, path, from, keptMounts }
  })
}

/** Nothing of them is in a snapshot, so what a restore removed could not be had again. */
function subvolumesIn(path: string): string[] {
  using directory = openDirectory(path)
  if (!isBtrfs(directory.here)) return []
  return findSubvolumes(directory).map((inner) => join(path, displayPath(inner)))
}

/** A directory that was a mount point and is none is not the volume but the place for it. */
function assertMounted(
  mounts: readonly Mount[],
  path: string,
  snapshot: Snapshot,
  id: string,
): void {
  const before = snapshot.record.volumes.find((volume) => volume.id === id)
  if (before?.path !== path || before.mountPoint !== true || isMountPoint(mounts, path)) return

  throw new OperationError(
    `volume ${id} cannot be restored: nothing is mounted at ${path}, and ${snapshot.name} is of what was mounted there;`,
    { fix: `mount it (-v ...:${path})` },
  )
}

function all(configured: readonly VolumeSpec[], snapshot: Snapshot): WantedVolume[] {
  const held = heldBy(snapshot)
  const missing = configured.filter(({ id }) => !held.includes(id)).map(({ id }) => id)
  const unknown = held.filter((id) => !configured.some((volume) => volume.id === id))
  if (missing.length === 0 && unknown.length === 0) {
    return configured.map((volume) => ({ ...volume, from: volume.id }))
  }

  const common = configured.filter(({ id }) => held.includes(id)).map(({ id }) => id)
  throw new OperationError(
    `${snapshot.name} holds the volumes ${held.join(', ')}, and ${configured.map(({ id }) => id).join(', ')} are configured`,
    {
      fix:
        common.length === 0
          ? `none is in both; start with the volumes it holds, or restore one of them as another: ${howToRestoreAs(held, configured)}`
          : `say which to restore, such as ${common.map((id) => `--volume ${id}`).join(' ')}`,
    },
  )
}

function named(
  configured: readonly VolumeSpec[],
  snapshot: Snapshot,
  ids: readonly string[],
  into: readonly string[],
): WantedVolume[] {
  const held = heldBy(snapshot)
  const wanted = new Map(into.map((id, index) => [id, ids[index] ?? id]))

  return [...wanted].map(([id, from]) => {
    const volume = configured.find((candidate) => candidate.id === id)
    if (volume === undefined) {
      const wayOut = held.includes(from)
        ? `; to restore it as another: ${howToRestoreAs([from], configured)}`
        : ''
      throw new UsageError(`there is no volume ${JSON.stringify(id)}`, {
        fix: `configured are ${configured.map((known) => known.id).join(', ')}${wayOut}`,
      })
    }

    if (!held.includes(from)) {
      throw new OperationError(
        `${snapshot.name} does not hold the volume ${from}, only ${held.join(', ')}`,
        {
          fix: `choose another snapshot, or restore one of them as another: ${howToRestoreAs(held, [volume])}`,
        },
      )
    }

    return { ...volume, from }
  })
}

/** For a volume that has another ID now; an example where there are several. */
function howToRestoreAs([from]: readonly string[], [volume]: readonly VolumeSpec[]): string {
  return `--volume ${from} --as ${volume?.id}`
}

function heldBy(snapshot: Snapshot): string[] {
  return snapshot.record.volumes.map(({ id }) => id)
}

function assertDataThere(snapshot: Snapshot, id: string): void {
  const problem = findLoss(snapshot, id)
  if (problem === undefined) return
  const left = heldBy(snapshot).filter((one) => findLoss(snapshot, one) === undefined)
  const others =
    left.length === 0
      ? ''
      : `, or restore what is there: snap-volume restore ${snapshot.name} --volume ${left[0]}`
  throw new OperationError(problem, { fix: `choose another snapshot${others}` })
}

/** Undefined where the data of a volume are there, as far as one look at its directory tells. */
function findLoss({ name, path, record }: Snapshot, id: string): string | undefined {
  const data = join(path, id)
  const isThere = lstatSync(data, { throwIfNoEntry: false })?.isDirectory() === true
  const contents = record.volumes.find((volume) => volume.id === id)?.contents
  const what = isThere ? describeEmptied(data, contents) : `no directory ${data}`
  return what && describeLoss(name, id, what)
}
