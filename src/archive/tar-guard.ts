import type { BytePath } from '../tree/byte-path.ts'
import { TarError, blockBytes, parsePax, parseTarHeader } from './tar-header.ts'

/** A member of an archive, as far as it decides what tar would do. */
export interface TarMember {
  name: BytePath
  /** A digit, as tar(5) has it. */
  type: string
  /** What follows in the archive. */
  size: number
  linkName: BytePath
}

/** Throws where a member must not come to tar. Returns where its bytes go. */
export type CheckMember<Phase> = (member: TarMember) => Phase

/** Bytes of an archive that were checked, and where they go. */
export interface CheckedBytes<Phase> {
  phase: Phase
  bytes: Buffer
}

const longestPax = 16 * 1024 * 1024

/**
 * Reads an archive of tar as it comes, and lets through what was checked: no byte of a member comes
 * out before the member was. Only what `tar --format=posix` writes of a tree is known; all else is
 * refused.
 */
export class TarGuard<Phase> {
  readonly #check: CheckMember<Phase>
  /** What came and is not let through yet. */
  #held: Buffer = Buffer.alloc(0)
  /** How much of the content of the member is still to come, with its padding. */
  #content = 0
  #pax: ReadonlyMap<string, string> | undefined
  /** Where the headers of the next member begin in what is held, and where the next one is read. */
  #at = 0
  #phase: Phase
  #zeros = 0
  #capture: { bytes: Buffer[]; left: number; take: (content: Buffer) => void } | undefined

  constructor(first: Phase, check: CheckMember<Phase>) {
    this.#phase = first
    this.#check = check
  }

  /** Whether the end of the archive has come. */
  get isEnded(): boolean {
    return this.#zeros >= 2
  }

  /** Hands the content of the member that is being checked to `take` when it has come. */
  capture(size: number, take: (content: Buffer) => void): void {
    this.#capture = { bytes: [], left: size, take }
    if (size === 0) this.#finishCapture()
  }

  /** Throws TarError, and what the check throws. */
  push(chunk: Buffer): CheckedBytes<Phase>[] {
    const passed: CheckedBytes<Phase>[] = []
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    for (;;) {
      if (this.isEnded) {
        if (rest.some((byte) => byte !== 0)) throw new TarError('something is behind its end')
        rest = rest.subarray(rest.length)
        break
      }
      if (this.#content > 0) {
        const bytes = rest.subarray(0, this.#content)
        if (bytes.length === 0) break
        this.#content -= bytes.length
        this.#collect(bytes)
        passed.push({ phase: this.#phase, bytes })
        rest = rest.subarray(bytes.length)
        continue
      }

      const header = this.#readHeaders(rest)
      if (header === undefined) break
      if (header > 0) passed.push({ phase: this.#phase, bytes: rest.subarray(0, header) })
      rest = rest.subarray(header)
    }
    // a chunk is the reader's own, and may be written over
    this.#held = Buffer.from(rest)
    return passed
  }

  /** How long the headers of the next member are, or a block of the end; undefined until they came. */
  #readHeaders(rest: Buffer): number | undefined {
    if (rest.length < this.#at + blockBytes) return undefined
    const block = rest.subarray(this.#at, this.#at + blockBytes)
    const header = parseTarHeader(block)
    if (header === undefined) {
      if (this.#pax !== undefined) throw new TarError('it ends within a header')
      this.#zeros += 1
      return blockBytes
    }
    if (this.#zeros > 0) throw new TarError('it has an end in its middle')

    const padded = paddedSize(header.size)
    if (header.type === 'x') {
      if (this.#pax !== undefined || header.size > longestPax) {
        throw new TarError('a pax header is damaged')
      }
      const begin = this.#at + blockBytes
      if (rest.length < begin + padded) return undefined
      this.#pax = parsePax(rest.subarray(begin, begin + header.size))
      this.#at = begin + padded
      return this.#readHeaders(rest)
    }

    const end = this.#at + blockBytes
    const member = memberOf(header, this.#pax ?? new Map())
    this.#at = 0
    this.#pax = undefined
    this.#phase = this.#check(member)
    this.#content = paddedSize(member.size)
    return end
  }

  #collect(bytes: Buffer): void {
    const capture = this.#capture
    if (capture === undefined) return
    const wanted = Buffer.from(bytes.subarray(0, capture.left))
    capture.bytes.push(wanted)
    capture.left -= wanted.length
    if (capture.left === 0) this.#finishCapture()
  }

  #finishCapture(): void {
    const capture = this.#capture
    this.#capture = undefined
    capture?.take(Buffer.concat(capture.bytes))
  }
}

function paddedSize(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}

function memberOf(
  header: ReturnType<typeof parseTarHeader> & object,
  pax: ReadonlyMap<string, string>,
): TarMember {
  const name = pax.get('GNU.sparse.name') ?? pax.get('path') ?? header.name
  const linkName = pax.get('linkpath') ?? header.linkName
  const size = pax.has('size') ? Number(pax.get('size')) : header.size
  const isSparse = [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))
  const isSparseAsHere =
    pax.get('GNU.sparse.major') === '1' &&
    pax.get('GNU.sparse.minor') === '0' &&
    header.type === '0'

  if (isSparse && !isSparseAsHere) throw new TarError('a file with holes is of another form')
  if (!Number.isSafeInteger(size) || size < 0) throw new TarError('a size is damaged')
  if (name.includes('\0') || linkName.includes('\0')) throw new TarError('a name has a NUL')
  if (size > 0 && header.type !== '0') throw new TarError('what is no file has content')
  return { name, type: header.type, size, linkName }
}
