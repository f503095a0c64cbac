import { OperationError } from '../errors.ts'
import { printable } from '../system/printable.ts'
import { type BytePath, displayPath, nameOf, parentOf } from '../tree/byte-path.ts'
import { type ArchiveHeader, parseHeader } from './header.ts'
import type { TarMember } from './tar-guard.ts'

/** The directory of an archive that holds what is not data; the ID of a volume has no dot there. */
export const ownDirectory = '.snap-volume'

/** The lists of paths in it, each ended by NUL (docs/archives.md). */
export const listNames = ['deleted', 'linked', 'patched', 'remade', 'sockets', 'aliases'] as const

export const headerFileName = 'archive'
export const recordFileName = 'record.json'
export const patchesDirectory = 'patches'

const ownFiles = new Set<string>([headerFileName, recordFileName, 'restore.sh', ...listNames])
const largestDocument = 16 * 1024 * 1024
/** Beside what its files have: lists, record and script. */
const otherBytes = 64 * 1024 * 1024

/** Where a member is: below `.snap-volume`, or in the volume, which comes after it. */
export type Part = 'own' | 'data'

export interface MemberCheckOptions {
  allowsDevices: boolean
  /** Hands the content of the member that is being checked to `take`. */
  capture: (size: number, take: (content: Buffer) => void) => void
}

/** Why an archive is refused. */
export class HostileArchiveError extends OperationError {
  override name = 'HostileArchiveError'

  constructor(name: BytePath, why: string, fix?: string) {
    super(
      `it was not made by snap-volume, or changed since: ${printable(displayPath(name))} ${why}`,
      { fix },
    )
  }
}

/**
 * Checks the members of an archive one after the other, before any byte of them comes to tar, so
 * that nothing is written outside of the directory it is extracted in: no name leads out, each is
 * there once and behind the directory that it is in, and a hard link leads to a member. What is
 * announced bounds what comes.
 */
export class MemberCheck {
  header: ArchiveHeader | undefined
  record = ''
  readonly #options: MemberCheckOptions
  /** What is there, and whether it is a directory. */
  readonly #seen = new Map<BytePath, boolean>()
  #part: Part = 'own'
  #bytes = 0
  #entries = 0

  constructor(options: MemberCheckOptions) {
    this.#options = options
  }

  /** Throws OperationError. */
  check(member: TarMember): Part {
    const name = member.type === '5' ? member.name.replace(/\/$/, '') : member.name
    const parts = name.split('/')
    if (parts.some((part) => ['', '.', '..'].includes(part))) {
      throw new HostileArchiveError(member.name, 'leads out of it')
    }
    if (this.#seen.has(name)) throw new HostileArchiveError(name, 'is there twice')
    if (parts.length > 1 && this.#seen.get(parentOf(name)) !== true) {
      throw new HostileArchiveError(name, 'comes before the directory that it is in')
    }

    this.#part = parts[0] === ownDirectory ? this.#checkOwn(member, name) : 'data'
    if (this.#part === 'data') this.#checkData(member, name, parts)
    this.#seen.set(name, member.type === '5')
    this.#count(member)
    return this.#part
  }

  #checkOwn({ type, size }: TarMember, name: BytePath): Part {
    const file = nameOf(name)
    const isPatch = parentOf(name) === `${ownDirectory}/${patchesDirectory}` && /^\d+$/.test(file)
    const isFile = isPatch || (parentOf(name) === ownDirectory && ownFiles.has(file))
    const isDirectory = [ownDirectory, `${ownDirectory}/${patchesDirectory}`].includes(name)
    if (this.#part === 'data' || !(type === '0' ? isFile : type === '5' && isDirectory)) {
      throw new HostileArchiveError(name, 'does not belong there')
    }

    if (name === `${ownDirectory}/${headerFileName}`) {
      this.#capture(name, size, (content) => (this.header = parseHeader(content)))
    } else if (name === `${ownDirectory}/${recordFileName}`) {
      this.#capture(name, size, (content) => (this.record = content))
    }
    return 'own'
  }

  #capture(name: BytePath, size: number, take: (content: string) => void): void {
    if (size > largestDocument) throw new HostileArchiveError(name, 'is too large')
    this.#options.capture(size, (content) => take(content.toString()))
  }

  #checkData(
    { type, linkName }: TarMember,
    name: BytePath,
    [volume = '']: readonly BytePath[],
  ): void {
    if (this.header === undefined || this.record === '') {
      throw new HostileArchiveError(name, 'comes before what describes the archive')
    }
    if (volume !== this.header.volume || (name === volume && type !== '5')) {
      throw new HostileArchiveError(name, `is not in ${this.header.volume}`)
    }

    const isDevice = type === '3' || type === '4'
    if (isDevice && !this.#options.allowsDevices) {
      throw new HostileArchiveError(
        name,
        'is a device file',
        'if the archive is your own and the volume has such, say --devices',
      )
    }
    if (!/^[0-6]$/.test(type)) {
      throw new HostileArchiveError(name, 'is of a type that no volume has')
    }
    if (type === '1' && this.#seen.get(linkName) !== false) {
      throw new HostileArchiveError(name, 'is a hard link to what is no file of the archive')
    }
  }

  #count({ name, size }: TarMember): void {
    this.#bytes += size
    if (this.#part === 'data') this.#entries += 1
    const { bytes = 0, entries = 0 } = this.header ?? {}
    // each file with holes has a map of them
    const most = bytes + entries * 64 * 1024 + otherBytes
    if (this.#entries > entries || this.#bytes > most) {
      throw new HostileArchiveError(name, 'is more than the archive announces')
    }
  }
}
