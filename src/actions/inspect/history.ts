import { createHash } from 'node:crypto'
import { type BigIntStats, closeSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { listTree } from '../../diff/list-tree.ts'
import { OperationError } from '../../errors.ts'
import {
  type BytePath,
  bytePath,
  joinPath,
  openIfDirectory,
  systemPath,
} from '../../tree/byte-path.ts'
import { type FilePlace, statBelow } from '../../tree/file-below.ts'
import { hasSameContent } from '../../tree/same-content.ts'
import type { VolumeSpec } from '../../config/volume-spec.ts'
import type { ActionContext } from '../context.ts'
import { allVolumes, findNames, snapshotsOf } from './find-names.ts'
import { findPath, readPattern } from '../find-path.ts'

/** A file or directory as some snapshots have it, one after another. */
export interface Version {
  /** From 1 on, the oldest first. */
  number: number
  /** Snapshots; `last` is of the newest that has it. */
  first: string
  last: string
  /** How many snapshots have it. */
  snapshots: number
  /** Whether the live data have it. */
  live: boolean
  /** A letter, as find(1) has it. */
  type: string
  size: number
  mtime: string
  /** Since 1970, in digits: JSON has no number for it. */
  mtimeNs: string
  mode: string
  uid: number
  gid: number
}

export interface History {
  volume: string
  /** Below the root of the volume. */
  path: BytePath
  versions: Version[]
  /** From the first snapshot that lacks it to the last; `live` where it is still gone. */
  gone: { from: string; to: string }[]
}

/** What is at a path in one snapshot, or live. */
interface Sight {
  place: string
  isLive: boolean
  /** Equal where it is one and the same. */
  identity: string
  file: BytePath
  stat: Omit<Version, 'number' | 'first' | 'last' | 'snapshots' | 'live'>
}

/**
 * Every distinct version of a path across the snapshots and live, or of each path that a pattern
 * fits. A file that two snapshots share is one inode; one that was copied again is compared. Throws
 * UsageError for a path that is in no volume, OperationError for one that nothing ever had.
 */
export async function history(context: ActionContext, path: string): Promise<History[]> {
  const { volume, relative } = findPath(allVolumes(context), path)
  if (!/[*?[]/.test(relative)) return [await historyOf(context, volume, relative, path)]

  const found = await findNames(context, [volume], { path: relative })
  if (found.length === 0) throw neverThere(path)
  return Promise.all(found.map(async (one) => historyOf(context, volume, one.path, path)))
}

async function historyOf(
  context: ActionContext,
  volume: VolumeSpec,
  relative: BytePath,
  path: string,
): Promise<History> {
  const { signal } = context
  const holding = snapshotsOf(context, volume.id)

  const sights: (Sight | string)[] = []
  for (const { name, path: directory } of holding) {
    const root = bytePath(join(directory, volume.id))
    sights.push((await lookAt(name, root, relative, signal)) ?? name)
  }
  const isConfigured = context.config.volumes.some(({ id }) => id === volume.id)
  const now = isConfigured
    ? await lookAt('live', bytePath(volume.path), relative, signal)
    : undefined
  sights.push(now ?? 'live')

  const versions = await groupVersions(sights)
  if (versions.length > 0) {
    return { volume: volume.id, path: relative, versions, gone: findGaps(sights) }
  }
  readPattern(relative, path)
  throw neverThere(path)
}

function neverThere(path: string): OperationError {
  return new OperationError(`no snapshot has ${path}, and neither have the live data`, {
    fix: 'look for its name with "snap-volume find"',
  })
}

async function lookAt(
  place: string,
  root: BytePath,
  relative: BytePath,
  signal: AbortSignal | undefined,
): Promise<Sight | undefined> {
  const file = relative === '' ? root : joinPath(root, relative)
  const stat = statBelow({ root, path: relative })
  if (stat === undefined) return undefined

  const isDirectory = stat.isDirectory()
  return {
    place,
    isLive: place === 'live',
    file,
    identity: isDirectory
      ? await identifyDirectory(file, signal)
      : `${place === 'live' ? 'live' : ''}${stat.dev}.${stat.ino}`,
    stat: {
      type: letterOf(stat),
      size: Number(stat.size),
      mtime: new Date(Number(stat.mtimeMs)).toISOString(),
      mtimeNs: String(stat.mtimeNs),
      mode: (stat.mode & 0o7777n).toString(8),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
    },
  }
}

/** As find(1) has it. */
function letterOf(stat: BigIntStats): string {
  if (stat.isDirectory()) return 'd'
  if (stat.isFile()) return 'f'
  if (stat.isSymbolicLink()) return 'l'
  if (stat.isFIFO()) return 'p'
  if (stat.isSocket()) return 's'
  return stat.isBlockDevice() ? 'b' : 'c'
}

/** A directory is what it was while all below has the sizes, times and owners that it had. */
async function identifyDirectory(
  directory: BytePath,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256')
  using opened = new DisposableStack()
  const descriptor = openIfDirectory(directory)
  if (descriptor === undefined) return ''
  opened.defer(() => closeSync(descriptor))
  const entries = await listTree(`/proc/${process.pid}/fd/${descriptor}`, signal)
  for (const path of [...entries.keys()].toSorted()) {
    const { type, mode, owner, mtime, size, target } = entries.get(path) ?? noEntry
    const what = type === 'd' ? [mode, owner] : [mode, owner, mtime, size, target]
    hash.update(`${path}\0${type}\0${what.join('\0')}\0`, 'latin1')
  }
  return hash.digest('hex')
}

const noEntry = { type: '', mode: '', owner: '', mtime: '', size: '', target: '' }

async function groupVersions(sights: readonly (Sight | string)[]): Promise<Version[]> {
  const found: { sight: Sight; version: Version }[] = []
  for (const sight of sights) {
    if (typeof sight === 'string') continue
    const known = await findKnown(found, sight)
    if (known === undefined) {
      const { place, isLive, stat } = sight
      const version = {
        number: found.length + 1,
        first: place,
        last: place,
        snapshots: isLive ? 0 : 1,
        live: isLive,
        ...stat,
      }
      found.push({ sight, version })
    } else if (sight.isLive) known.live = true
    else {
      known.last = sight.place
      known.snapshots += 1
    }
  }
  return found.map(({ version }) => version)
}

/** The version that it is: of the same inode, or, where it was copied again, of the same content. */
async function findKnown(
  found: readonly { sight: Sight; version: Version }[],
  sight: Sight,
): Promise<Version | undefined> {
  const same = found.find((one) => one.sight.identity === sight.identity)
  if (same !== undefined || sight.stat.type === 'd') return same?.version

  for (const { sight: other, version } of found.toReversed()) {
    if (!looksSame(other.stat, sight.stat)) continue
    const isSame =
      sight.stat.type === 'f'
        ? await hasSameContent(other.file, sight.file)
        : sight.stat.type !== 'l' || targetOf(other.file) === targetOf(sight.file)
    if (isSame) return version
  }
  return undefined
}

function targetOf(link: BytePath): string {
  return readlinkSync(systemPath(link), 'latin1')
}

function looksSame(one: Sight['stat'], other: Sight['stat']): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function findGaps(sights: readonly (Sight | string)[]): History['gone'] {
  const gaps: History['gone'] = []
  let wasThere = false
  let gap: { from: string; to: string } | undefined
  for (const sight of sights) {
    if (typeof sight !== 'string') {
      if (gap !== undefined) gaps.push(gap)
      gap = undefined
      wasThere = true
    } else if (wasThere) {
      gap = { from: gap?.from ?? sight, to: sight }
    }
  }
  return gap === undefined ? gaps : [...gaps, gap]
}

/** Where a version can be read. Throws OperationError for a number that none has. */
export function placeOf(
  { store, config }: ActionContext,
  { volume, path, versions }: History,
  number: number,
): FilePlace {
  const version = versions.find((one) => one.number === number)
  if (version === undefined) {
    throw new OperationError(`there is no version ${number}`, {
      fix: `there are ${versions.length}, the oldest is 1`,
    })
  }
  const live = config.volumes.find(({ id }) => id === volume)?.path ?? ''
  const root = version.first === 'live' ? live : join(store.directory, version.first, volume)
  return { root: bytePath(root), path }
}
