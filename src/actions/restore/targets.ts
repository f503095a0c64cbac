import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { excludesOf } from '../../config/exclude.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import { findSubvolumes } from '../../copy/btrfs/find-subvolumes.ts'
import { OperationError, UsageError } from '../../errors.ts'
import { type Snapshot, describeEmptied, describeLoss } from '../../store/catalog.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { type BytePath, displayPath } from '../../tree/byte-path.ts'
import { escapePath } from '../../tree/escaped-path.ts'
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
  /** Below its root; undefined for all of it. */
  only?: readonly BytePath[] | undefined
}

/**
 * For messages and JSON; `from` is there only when the ID in the snapshot differs, and `paths`
 * (escapePath) where not all is restored.
 */
export function describeTarget({
  id,
  path,
  from,
  only,
}: RestoreTarget): VolumeSpec & { from?: string; paths?: string[] } {
  return {
    id,
    path,
    ...(from === id ? {} : { from }),
    ...(only === undefined ? {} : { paths: only.map(escapePath) }),
  }
}

/** What a restore leaves alone: the patterns configured now, and those the snapshot recorded. */
export function excludesOfRestore(
  exclude: readonly string[],
  { record }: Snapshot,
  { id, from }: Pick<RestoreTarget, 'id' | 'from'>,
): string[] {
  const recorded = record.volumes.find((volume) => volume.id === from)
  return [...new Set([...excludesOf(exclude, id), ...(recorded?.exclude ?? [])])]
}

/** A configured volume, and the ID of the one in the snapshot that goes into it. */
type WantedVolume = VolumeSpec & Pick<RestoreTarget, 'from'>

/**
 * Pairs volumes of the snapshot (`fromIds`, or all) with configured ones (`intoIds`, in the same
 * order). Throws OperationError or UsageError, before anything changes, when a volume is unknown,
 * overlaps the store or another one, or lost its data; and when a path is missing, a symbolic link,
 * read-only or not mounted.
 */
export function checkTargets(
  store: StoreLayout,
  configured: readonly VolumeSpec[],
  snapshot: Snapshot,
  fromIds: readonly string[],
  intoIds: readonly string[] = fromIds,
): RestoreTarget[] {
  const volumes =
    fromIds.length === 0
      ? pairAll(configured, snapshot)
      : pairNamed(configured, snapshot, fromIds, intoIds)
  assertVolumesApart(store.directory, volumes)
  for (const { from } of volumes) assertDataThere(snapshot, from)
  const mounts = readMounts()

  return volumes.map(({ id, path, from }) => {
    // throws also when the path is missing or a symbolic link
    const subvolumes = subvolumesIn(path)
    if (mountOf(mounts, path)?.readOnly === true) {
      throw new OperationError(`volume ${id} cannot be restored: ${path} is mounted read-only;`, {
        fix: `mount it read-write (-v ...:${path}:rw)`,
      })
    }

    assertMounted(mounts, path, snapshot, from)
    const mounted = mountsBelow(mounts, path).map((mount) => mount.mountPoint)
    const keptMounts = [...new Set([...mounted, ...subvolumes])]
    const notUtf8 = keptMounts.find((mount) => mount.includes('\ufffd'))
    if (notUtf8 !== undefined) {
      throw new OperationError(
        `volume ${id} cannot be restored while there is a mount or a subvolume at ${notUtf8}, a name that is no UTF-8`,
        { fix: 'unmount it, or rename the subvolume' },
      )
    }

    return { id, path, from, keptMounts }
  })
}

/** Those inside a volume are in no snapshot: a restore that removed one would lose its data. */
function subvolumesIn(path: string): string[] {
  using directory = openDirectory(path)
  if (!isBtrfs(directory.here)) return []
  return findSubvolumes(directory).map((inner) => join(path, displayPath(inner)))
}

/**
 * Refuses a path that was a mount point when the snapshot was taken and is none now: only the empty
 * mount point is left.
 */
function assertMounted(
  mounts: readonly Mount[],
  path: string,
  snapshot: Snapshot,
  id: string,
): void {
  const before = snapshot.record.volumes.find((volume) => volume.id === id)
  if (before?.path !== path || before.mountPoint !== true || isMountPoint(mounts, path)) return

  throw new OperationError(
    `volume ${id} cannot be restored: nothing is mounted at ${path}, and ${snapshot.name} was taken of what was mounted there;`,
    { fix: `mount it (-v ...:${path})` },
  )
}

function pairAll(configured: readonly VolumeSpec[], snapshot: Snapshot): WantedVolume[] {
  const inSnapshot = volumeIdsIn(snapshot)
  const missing = configured.filter(({ id }) => !inSnapshot.includes(id)).map(({ id }) => id)
  const unknown = inSnapshot.filter((id) => !configured.some((volume) => volume.id === id))
  if (missing.length === 0 && unknown.length === 0) {
    return configured.map((volume) => ({ ...volume, from: volume.id }))
  }

  const common = configured.filter(({ id }) => inSnapshot.includes(id)).map(({ id }) => id)
  throw new OperationError(
    `${snapshot.name} holds the volumes ${inSnapshot.join(', ')}, and ${configured.map(({ id }) => id).join(', ')} are configured`,
    {
      fix:
        common.length === 0
          ? `none is in both; start with the volumes it holds, or restore one of them as another: ${howToRestoreAs(inSnapshot, configured)}`
          : `say which to restore, such as ${common.map((id) => `--volume ${id}`).join(' ')}`,
    },
  )
}

function pairNamed(
  configured: readonly VolumeSpec[],
  snapshot: Snapshot,
  fromIds: readonly string[],
  intoIds: readonly string[],
): WantedVolume[] {
  const inSnapshot = volumeIdsIn(snapshot)
  const wanted = new Map(intoIds.map((id, index) => [id, fromIds[index] ?? id]))

  return [...wanted].map(([id, from]) => {
    const volume = configured.find((candidate) => candidate.id === id)
    if (volume === undefined) {
      const hint = inSnapshot.includes(from)
        ? `; to restore it as another: ${howToRestoreAs([from], configured)}`
        : ''
      throw new UsageError(`there is no volume ${JSON.stringify(id)}`, {
        fix: `configured are ${configured.map((known) => known.id).join(', ')}${hint}`,
      })
    }

    if (!inSnapshot.includes(from)) {
      throw new OperationError(
        `${snapshot.name} does not hold the volume ${from}, only ${inSnapshot.join(', ')}`,
        {
          fix: `choose another snapshot, or restore one of them as another: ${howToRestoreAs(inSnapshot, [volume])}`,
        },
      )
    }

    return { ...volume, from }
  })
}

/** The options that restore a volume under another ID; of several the first, as an example. */
function howToRestoreAs([from]: readonly string[], [volume]: readonly VolumeSpec[]): string {
  return `--volume ${from} --as ${volume?.id}`
}

function volumeIdsIn(snapshot: Snapshot): string[] {
  return snapshot.record.volumes.map(({ id }) => id)
}

function assertDataThere(snapshot: Snapshot, id: string): void {
  const problem = findLoss(snapshot, id)
  if (problem === undefined) return
  const intactIds = volumeIdsIn(snapshot).filter((one) => findLoss(snapshot, one) === undefined)
  const others =
    intactIds.length === 0
      ? ''
      : `, or restore what is there: snap-volume restore ${snapshot.name} --volume ${intactIds[0]}`
  throw new OperationError(problem, { fix: `choose another snapshot${others}` })
}

/** Undefined where the data of a volume are there, as far as one look at its directory tells. */
function findLoss({ name, path, record }: Snapshot, id: string): string | undefined {
  const data = join(path, id)
  const isThere = lstatSync(data, { throwIfNoEntry: false })?.isDirectory() === true
  const contents = record.volumes.find((volume) => volume.id === id)?.contents
  const detail = isThere ? describeEmptied(data, contents) : `no directory ${data}`
  return detail && describeLoss(name, id, detail)
}
