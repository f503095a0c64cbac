import { statfsSync } from 'node:fs'
import { excludesOf } from '../../config/exclude.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import type { Settings } from '../../config/settings.ts'
import { chooseEngine } from '../../copy/choose-engine.ts'
import { assertDirectory } from '../../tree/directory-handle.ts'
import { isOwnOfContainer } from '../../system/container.ts'
import { mountOf, readMounts } from '../../system/mounts.ts'
import { isPlainDirectoryOnBtrfs } from '../../system/subvolume.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { hasFiles } from '../../tree/has-files.ts'
import type { StoreConfig } from '../context.ts'
import { describeMountsLeftOut, findMountsLeftOut } from '../store/mounts-left-out.ts'
import { findUnmountedDisk } from '../store/store-place.ts'
import { type DoctorFinding, note, ok, problem, problemOf } from './finding.ts'

/** Of statfs(2). */
const xfsType = 0x58465342

/** How each volume is copied from here, and what would be better. */
export function checkVolumes(
  store: StoreLayout,
  { volumes, engine, exclude, checksumCron }: StoreConfig,
  { inImage }: Settings,
): DoctorFinding[] {
  return volumes.flatMap((volume) => {
    const subject = `volume ${volume.id}`
    const excluded = excludesOf(exclude, volume.id)
    try {
      assertDirectory(volume.path)
      const wanted = { path: volume.path, exclude: excluded }
      const chosen = chooseEngine(engine, wanted, store.directory)

      return [
        checkMount(subject, volume, inImage),
        ok(subject, `engine ${chosen.name}: ${chosen.reason}`),
        ...checkContents(subject, volume, excluded),
        ...checkFilesystem(subject, volume, excluded, store),
        ...checkExchange(subject, volume, checksumCron),
      ]
    } catch (error) {
      return [problemOf(subject, error)]
    }
  })
}

function checkMount(subject: string, { path }: VolumeSpec, inImage: boolean): DoctorFinding {
  if (isOwnOfContainer(path, inImage, readMounts())) {
    return problem(
      subject,
      `nothing is mounted at ${path} here`,
      `run with --volumes-from the sidecar, or with -v VOLUME:${path}`,
    )
  }
  return ok(subject, path)
}

/** Whether what is there is what somebody means. */
function checkContents(
  subject: string,
  { path }: VolumeSpec,
  excluded: readonly string[],
): DoctorFinding[] {
  const leftOut = findMountsLeftOut(path, excluded)
  return [
    ...findUnmountedDisk(path).map(({ message, fix }) => note(subject, message, fix)),
    ...(hasFiles(path)
      ? []
      : [note(subject, `${path} has no files`, 'if it should, correct the name of the volume')]),
    ...(leftOut.length === 0
      ? []
      : [
          note(
            subject,
            describeMountsLeftOut(path, leftOut),
            'give them a sidecar of their own, if they are to be kept',
          ),
        ]),
  ]
}

function checkFilesystem(
  subject: string,
  { id, path }: VolumeSpec,
  exclude: readonly string[],
  { directory }: StoreLayout,
): DoctorFinding[] {
  // a snapshot of a subvolume could leave nothing out
  if (exclude.length === 0 && isPlainDirectoryOnBtrfs(path)) {
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

/**
 * ioctl_xfs_exchange_range(2) and XFS_IOC_SWAPEXT, which xfs_fsr(8) uses, need no more than two
 * files one may write.
 */
function checkExchange(
  subject: string,
  { path }: VolumeSpec,
  checksumCron: string,
): DoctorFinding[] {
  if (statfsSync(path).type !== xfsType || checksumCron !== '') return []
  return [
    note(
      subject,
      'XFS lets the owner of a file swap its contents without a new change time, and snapshots go by change times',
      'set SNAP_CHECKSUM_CRON, such as "0 4 * * 0": its snapshots compare all contents',
    ),
  ]
}
