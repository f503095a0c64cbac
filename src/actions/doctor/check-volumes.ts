import type { VolumeSpec } from '../../config/volume-spec.ts'
import type { Settings } from '../../config/settings.ts'
import { chooseEngine } from '../../copy/choose-engine.ts'
import { assertDirectory } from '../../system/directory-handle.ts'
import { isMountPoint, mountOf, readMounts } from '../../system/mounts.ts'
import { isPlainDirectoryOnBtrfs } from '../../system/subvolume.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { StoreConfig } from '../context.ts'
import { type DoctorFinding, note, ok, problem, problemOf } from './finding.ts'

/** How each volume is copied from here, and what would be better. */
export function checkVolumes(
  store: StoreLayout,
  { volumes, engine }: StoreConfig,
  { inImage }: Settings,
): DoctorFinding[] {
  return volumes.flatMap((volume) => {
    const subject = `volume ${volume.id}`
    try {
      assertDirectory(volume.path)
      const chosen = chooseEngine(engine, volume.path, store.directory)
      return [
        checkMount(subject, volume, inImage),
        ok(subject, `engine ${chosen.engine.name}: ${chosen.reason}`),
        ...checkFilesystem(subject, volume, store),
      ]
    } catch (error) {
      return [problemOf(subject, error)]
    }
  })
}

function checkMount(subject: string, { path }: VolumeSpec, inImage: boolean): DoctorFinding {
  if (inImage && !isMountPoint(readMounts(), path)) {
    return problem(
      subject,
      `nothing is mounted at ${path} here`,
      `run with --volumes-from the sidecar, or with -v VOLUME:${path}`,
    )
  }
  return ok(subject, path)
}

function checkFilesystem(
  subject: string,
  { id, path }: VolumeSpec,
  { directory }: StoreLayout,
): DoctorFinding[] {
  if (isPlainDirectoryOnBtrfs(path)) {
    return [
      note(
        subject,
        'it is a plain directory on btrfs: a subvolume can be snapshotted at one instant',
        `on the host: snap-volume subvolume ${id}`,
      ),
    ]
  }
  const mounts = readMounts()
  const isOneFilesystem = mountOf(mounts, path)?.device === mountOf(mounts, directory)?.device
  return isOneFilesystem
    ? [ok(subject, 'on the filesystem of the store')]
    : [
        note(
          subject,
          'not on the filesystem of the store: nothing can be shared with it, by reflinks or btrfs',
          'where that filesystem is XFS or btrfs, put the store there; as a second copy it is better elsewhere',
        ),
      ]
}
