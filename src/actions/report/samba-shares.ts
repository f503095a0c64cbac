import { statSync } from 'node:fs'
import { type VolumeSpec, parsePath, parseVolumeSpecs } from '../../config/volume-spec.ts'
import { OperationError } from '../../errors.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { printable } from '../../system/printable.ts'
import { findVolume } from '../find-volume.ts'

/** What Samba needs to know; the same document is the JSON form of `samba-config`. */
export interface SharesDescription {
  schema: 1
  /** Where Samba finds the store. */
  store: string
  shares: Share[]
  problems: string[]
}

/** A section of smb.conf(5). */
export interface Share {
  name: string
  parameters: Readonly<Record<string, string>>
}

interface ShareOptions {
  /** ID or ID:PATH of the volumes to share; none means all. */
  volumes: readonly string[]
  /** Where Samba finds the store, if not where it is here. */
  store: string | undefined
}

/** Sections that mean something else, for smb.conf(5) or in its parser; in any case of letters. */
const notShares = ['global', 'globals', 'homes', 'printers']

/** Variables, quotation marks, a line that goes on, blanks that become one or none. */
const misread = /[%"\\]| {2}| $/

/**
 * The shares by which Samba shows the snapshots of volumes as Previous Versions, see
 * vfs_shadow_copy2(8). Throws OperationError for a name or a path that smb.conf would take for
 * something else.
 */
export function describeShares(
  { directory }: StoreLayout,
  configured: readonly VolumeSpec[],
  options: ShareOptions,
): SharesDescription {
  const volumes = chooseVolumes(configured, options.volumes)
  const store =
    options.store === undefined
      ? directory
      : parsePath(options.store, `--store ${JSON.stringify(options.store)}`)

  assertNames(volumes.map(({ id }) => id))
  assertReadable('store', store, 'with "--store PATH"')
  for (const { id, path } of volumes) {
    assertReadable(`volume ${id}`, path, `as in "snap-volume samba-config ${id}:PATH"`)
  }

  return {
    schema: 1,
    store,
    shares: volumes.map((volume) => describeShare(volume, store)),
    problems: findProblems(directory),
  }
}

function chooseVolumes(
  configured: readonly VolumeSpec[],
  names: readonly string[],
): readonly VolumeSpec[] {
  if (names.length === 0) return configured
  const chosen = names.map((name) => findVolume(configured, name))
  return parseVolumeSpecs(chosen.map(({ id, path }) => `${id}:${path}`))
}

function describeShare({ id, path }: VolumeSpec, store: string): Share {
  return {
    name: id,
    parameters: {
      path,
      'read only': 'no',
      'vfs objects': 'shadow_copy2',
      'shadow:snapdir': store,
      'shadow:snapsharepath': id,
      'shadow:sort': 'desc',
    },
  }
}

/** Samba takes no notice of the case of a share's name. */
function assertNames(ids: readonly string[]): void {
  for (const [index, id] of ids.entries()) {
    if (notShares.includes(id.toLowerCase())) {
      throw new OperationError(
        `volume ${id} cannot be a share, because [${id}] means something else in smb.conf`,
        {
          fix: 'name the others, as in "snap-volume samba-config ID", or give it another ID in "snap-volume start"',
        },
      )
    }

    const twin = ids.slice(0, index).find((other) => other.toLowerCase() === id.toLowerCase())
    if (twin !== undefined) {
      throw new OperationError(
        `volumes ${twin} and ${id} would be one share, because Samba takes no notice of case`,
        { fix: `name one of them, as in "snap-volume samba-config ${id}"` },
      )
    }
  }
}

function assertReadable(what: string, path: string, how: string): void {
  if (!misread.test(path) && printable(path) === path) return
  throw new OperationError(
    `the path ${JSON.stringify(path)} of the ${what} would be misread in smb.conf, by a %, ", \\, control character, two blanks or one at the end`,
    { fix: `mount it at another path where Samba runs and name that, ${how}` },
  )
}

function findProblems(directory: string): string[] {
  const mode = statSync(directory).mode & 0o7777
  if ((mode & 0o011) !== 0) return []
  return [
    `users cannot enter the store ${directory} (mode 0${mode.toString(8)}) and will see no versions: run "chmod o+x" on it`,
  ]
}
