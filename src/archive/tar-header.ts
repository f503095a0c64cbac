import type { BytePath } from '../tree/byte-path.ts'

export const blockBytes = 512

/** A header of ustar, as it is in its block; what pax says comes over it. */
export interface TarHeader {
  name: BytePath
  /** A digit, as tar(5) has it. */
  type: string
  size: number
  linkName: BytePath
}

export class TarError extends Error {}

/** Undefined for a block of zeros, two of which end an archive. Throws TarError. */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  if (block[0] === 0 && block.every((byte) => byte === 0)) return undefined
  if (checksumOf(block) !== numberIn(block, 148, 8)) throw new TarError('a header is damaged')
  const magic = textIn(block, 257, 6)
  if (magic !== 'ustar') throw new TarError('it is no archive of the form posix')

  const [name, prefix] = [textIn(block, 0, 100), textIn(block, 345, 155)]
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: block.toString('latin1', 156, 157),
    size: numberIn(block, 124, 12),
    linkName: textIn(block, 157, 100),
  }
}

/** Of all bytes, its own counted as spaces. */
function checksumOf(block: Buffer): number {
  let sum = 0
  for (let at = 0; at < blockBytes; at += 1) {
    sum += at >= 148 && at < 156 ? 32 : (block[at] ?? 0)
  }
  return sum
}

function textIn(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at)
  return block.toString('latin1', at, end === -1 || end > at + length ? at + length : end)
}

/** Octal digits. */
function numberIn(block: Buffer, at: number, length: number): number {
  const text = textIn(block, at, length).trim()
  if (!/^[0-7]+$/.test(text)) throw new TarError('a header is damaged')
  return Number.parseInt(text, 8)
}

/** Those that tar writes here; another one could change what a name means. */
const knownKeys =
  /^(path|linkpath|size|mtime|uid|gid|SCHILY\.(acl\.(access|default)|xattr\..+)|GNU\.sparse\.(major|minor|name|realsize))$/s

/** The records of a pax header, `LENGTH KEY=VALUE\n` each. Throws TarError. */
export function parsePax(content: Buffer): Map<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at)
    const digits = space === -1 ? '' : content.toString('latin1', at, space)
    const length = /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : 0
    const end = at + length
    const equals = content.indexOf(0x3d, space)
    const isWhole = end <= content.length && equals > space && equals < end
    if (!isWhole || content[end - 1] !== 0x0a) throw new TarError('a pax header is damaged')

    const key = content.toString('latin1', space + 1, equals)
    if (!knownKeys.test(key)) throw new TarError(`it has a pax record ${JSON.stringify(key)}`)
    if (records.has(key)) throw new TarError(`it has two pax records ${key}`)
    records.set(key, content.toString('latin1', equals + 1, end - 1))
    at = end
  }
  return records
}
