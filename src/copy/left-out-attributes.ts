import { readFileSync } from 'node:fs'
import { type BytePath, displayPath } from '../tree/byte-path.ts'
import type { RecordWarning } from '../store/record.ts'
import { maySetSecurityAttributes } from '../system/privileges.ts'
import { findSecurityAttributes } from '../system/security-attributes.ts'
import { type AttributeTrouble, readAttributeTrouble } from './attribute-trouble.ts'

/**
 * Extended attributes `security.*` that this process may not set are left out of a copy, and named:
 * those without SYS_ADMIN of which programs are not told at all, so that files which differ in
 * nothing else stay equal to them, and those that the kernel refuses when they are set. trusted.*
 * cannot even be seen without SYS_ADMIN (xattr(7)).
 */

export const leftOutCode = 'attributes-left-out'
const unreadCode = 'attributes-unread'
const selinux = 'security.selinux'
const mostNamedPaths = 100

/** Options of rsync, which would fail where it may not set them. */
export function filtersOfLeftOut(): string[] {
  if (maySetSecurityAttributes()) return []
  const kept = ['security.capability', ...(hasSelinux() ? [selinux] : [])]
  return [...kept.map((name) => `--filter=+x ${name}`), '--filter=-x security.*']
}

/** The same for a comparison with a copy that lacks some, as `warning` of it tells. */
export function filtersOfLacking(warning: RecordWarning | undefined): string[] {
  return namesIn(warning).map((name) => `--filter=-x ${name}`)
}

/** Where it is on, its policy decides on its attribute, and not a capability. */
function hasSelinux(): boolean {
  return readFileSync('/proc/filesystems', 'utf8').includes('selinuxfs')
}

/** Whether what was left out, as `warning` tells, can be kept by this process. */
export function canBeKeptNow(warning: RecordWarning | undefined): boolean {
  const isForCapability = namesIn(warning).some((name) => name !== selinux || !hasSelinux())
  return isForCapability && maySetSecurityAttributes()
}

/** Attributes, and the files that have them. */
interface Found {
  names: Set<string>
  paths: Set<string>
}

/** Collects what is left out of one copy. */
export class LeftOutAttributes {
  readonly #leftOut: Found = { names: new Set(), paths: new Set() }
  /** The same of files that are linked from the copy before, which lack the same. */
  #carried: Found = { names: new Set(), paths: new Set() }
  /** They are listed, and nobody can read them, as while somebody removes them. */
  readonly #unread: Found = { names: new Set(), paths: new Set() }

  /** What is replaced had them, and the copy that it is replaced by lacks them. */
  readonly #lost: Found = { names: new Set(), paths: new Set() }

  /**
   * Looks whether what the copy `before` tells of is still there: at the paths that it names,
   * and, where one of these has none any more, at all that is copied: it may have been moved.
   */
  async carryOver(
    cwd: string,
    before: RecordWarning | undefined,
    listAll: () => Promise<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (before === undefined) return
    const namesBefore = namesIn(before)
    const { paths: pathsBefore = [] } = before
    const named = Buffer.from(pathsBefore.map((path) => `${path}\0`).join(''))
    let { names, paths } = await findSecurityAttributes(cwd, named, signal)
    const isSame =
      paths.length === pathsBefore.length && namesBefore.every((one) => names.includes(one))
    if (!isSame) ({ names, paths } = await findSecurityAttributes(cwd, await listAll(), signal))
    const left = names.filter((name) => namesBefore.includes(name))
    this.#carried = { names: new Set(left), paths: new Set(left.length === 0 ? [] : paths) }
  }

  /** Looks for those of which rsync is not told, at listed paths (NUL after each) below `cwd`. */
  async look(
    cwd: string,
    lists: readonly Uint8Array[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (maySetSecurityAttributes()) return
    const { names, paths } = await findSecurityAttributes(cwd, Buffer.concat(lists), signal)
    const left = names.filter((name) => name !== selinux || !hasSelinux())
    if (left.length === 0) return

    for (const name of left) this.#leftOut.names.add(name)
    for (const path of paths) this.#leftOut.paths.add(path)
  }

  /** Looks for those that a copy lacks, as `lacking` tells, at what it replaces or makes. */
  async lookForLost(
    cwd: string,
    { replaced, made }: { replaced: readonly Uint8Array[]; made: Iterable<BytePath> },
    lacking: RecordWarning,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const lacked = namesIn(lacking)
    const { names, paths } = await findSecurityAttributes(cwd, Buffer.concat(replaced), signal)
    const lost = names.filter((name) => lacked.includes(name))
    if (lost.length > 0) addAll(this.#lost, lost, paths)
    const without = new Set(lacking.paths)
    // of more than are named, any may be one
    const isWhole = without.size < mostNamedPaths
    for (const path of made) {
      if (!isWhole || without.has(displayPath(path)))
        addAll(this.#lost, lacked, [displayPath(path)])
    }
  }

  /** Takes those that were refused out of what a program said, and gives the rest. */
  take(stderr: string): string {
    return stderr
      .split('\n')
      .filter((line) => {
        const trouble = readAttributeTrouble(line)
        if (trouble === undefined) return true
        if (isRefused(trouble)) add(this.#leftOut, trouble)
        else if (isUnread(trouble)) add(this.#unread, trouble)
        return !isRefused(trouble)
      })
      .join('\n')
  }

  /** One for each kind, none where nothing is left out. */
  warnings(): RecordWarning[] {
    return [
      ...warnOf(leftOutCode, this.#allLeftOut(), sayLeftOut),
      ...warnOf(unreadCode, this.#unread, sayUnread),
      ...warnOf(leftOutCode, this.#lost, sayLost),
    ]
  }

  #allLeftOut(): Found {
    const { names, paths } = this.#carried
    const { names: newNames, paths: newPaths } = this.#leftOut
    return { names: new Set([...names, ...newNames]), paths: new Set([...paths, ...newPaths]) }
  }
}

function add({ names, paths }: Found, { attribute, path }: AttributeTrouble): void {
  if (attribute !== undefined) names.add(attribute)
  paths.add(path)
}

function addAll(found: Found, names: readonly string[], paths: readonly string[]): void {
  for (const name of names) found.names.add(name)
  for (const path of paths) found.paths.add(path)
}

function warnOf(
  code: string,
  { names, paths }: Found,
  say: (names: readonly string[]) => string,
): RecordWarning[] {
  if (names.size === 0) return []
  const message = say([...names].toSorted())
  return [{ code, message, paths: [...paths].slice(0, mostNamedPaths) }]
}

function sayLeftOut(names: readonly string[]): string {
  const way =
    hasSelinux() && names.every((name) => name === selinux)
      ? 'the policy of SELinux refuses them (--security-opt label=disable)'
      : '--cap-add SYS_ADMIN keeps them'
  return `extended attributes that this process may not set are left out (${names.join(' ')}); ${way}`
}

function sayLost(names: readonly string[]): string {
  return `extended attributes that are not in the snapshot, because they could not be set when it was taken, are not on the files that are restored (${names.join(' ')}); set them again`
}

function sayUnread(names: readonly string[]): string {
  return `extended attributes are listed and cannot be read (${names.join(' ')}): they or their files are left out; remove them (setfattr -x), or look at the mount`
}

/** EPERM by capabilities, EACCES by a policy. */
function isRefused({ attribute, words }: AttributeTrouble): boolean {
  const isSecurity = attribute?.startsWith('security.') === true
  return isSecurity && ['Operation not permitted', 'Permission denied'].includes(words)
}

/** ENODATA. */
function isUnread({ attribute, words }: AttributeTrouble): boolean {
  return attribute !== undefined && words === 'No data available'
}

function namesIn(warning: RecordWarning | undefined): string[] {
  return /\((security\.[^)]*)\)/.exec(warning?.message ?? '')?.[1]?.split(' ') ?? []
}
