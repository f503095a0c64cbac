import * as v from 'valibot'
import { volumeIdPattern } from '../config/volume-spec.ts'
import { OperationError, messageOf } from '../errors.ts'
import { parseDocument, snapshotName } from '../store/record.ts'

export const archiveFormat = 1

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const digestOrNone = v.union([v.literal(''), digest])
const count = v.pipe(v.string(), v.regex(/^\d{1,16}$/), v.transform(Number), v.safeInteger())

const schema = v.strictObject({
  format: v.pipe(v.literal(String(archiveFormat)), v.transform(Number)),
  volume: v.pipe(v.string(), v.regex(volumeIdPattern)),
  snapshot: snapshotName,
  base: v.union([v.literal(''), snapshotName]),
  depth: count,
  entries: count,
  bytes: count,
  listing: digest,
  names: digest,
  contents: digestOrNone,
  base_listing: digestOrNone,
  base_contents: digestOrNone,
})

/** What `.snap-volume/archive` says; restore.sh reads it too. */
export interface ArchiveHeader {
  volume: string
  snapshot: string
  /** The snapshot that an increment changes; undefined for a full archive. */
  base: string | undefined
  /** How many increments are between it and its full archive; 0 for that. */
  depth: number
  /** Of the volume in the snapshot, root included; bytes of files, each once. */
  entries: number
  bytes: number
  /** Of the result. */
  digests: TreeDigests
  baseDigests: BaseDigests | undefined
}

export interface TreeDigests {
  /** Of all that list-digest.ts lists. */
  listing: string
  /** The same without modes, owners and times. */
  names: string
  /** Of the contents of all files; undefined where nobody has read them. */
  contents: string | undefined
}

export interface BaseDigests {
  listing: string
  contents: string
}

/** Lines of `key=value`, whose values have no byte that a shell takes for something else. */
export function formatHeader(header: ArchiveHeader): string {
  const { digests, baseDigests } = header
  const fields = {
    format: archiveFormat,
    volume: header.volume,
    snapshot: header.snapshot,
    base: header.base ?? '',
    depth: header.depth,
    entries: header.entries,
    bytes: header.bytes,
    listing: digests.listing,
    names: digests.names,
    contents: digests.contents ?? '',
    base_listing: baseDigests?.listing ?? '',
    base_contents: baseDigests?.contents ?? '',
  }
  return Object.entries(fields)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Throws OperationError for what is no header, or one of a later format. */
export function parseHeader(text: string): ArchiveHeader {
  const fields = Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const at = line.indexOf('=')
        return [line.slice(0, at), line.slice(at + 1)]
      }),
  )
  if (fields['format'] !== undefined && fields['format'] !== String(archiveFormat)) {
    throw new OperationError(`it is an archive of the format ${JSON.stringify(fields['format'])}`, {
      fix: 'import it with a newer snap-volume',
    })
  }

  try {
    return headerOf(parseDocument(schema, JSON.stringify(fields)))
  } catch (error) {
    throw new OperationError(`its header is broken: ${messageOf(error)}`, { cause: error })
  }
}

function headerOf(fields: v.InferOutput<typeof schema>): ArchiveHeader {
  const { volume, snapshot, base, depth, entries, bytes, listing, names, contents } = fields
  const { base_listing: baseListing, base_contents: baseContents } = fields
  const isIncrement = base !== ''
  if (isIncrement !== depth > 0 || isIncrement !== (baseListing !== '')) {
    throw new Error('base: it does not fit to the depth')
  }
  return {
    volume,
    snapshot,
    base: isIncrement ? base : undefined,
    depth,
    entries,
    bytes,
    digests: { listing, names, contents: contents === '' ? undefined : contents },
    baseDigests: isIncrement ? { listing: baseListing, contents: baseContents } : undefined,
  }
}
