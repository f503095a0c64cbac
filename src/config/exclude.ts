import { UsageError } from '../errors.ts'
import { compileExcludes, isPattern } from '../tree/excludes.ts'
import { PatternError } from '../tree/wildcards.ts'
import type { EngineChoice } from './choices.ts'
import type { VolumeSpec } from './volume-spec.ts'

/**
 * Divides SNAP_EXCLUDE into its entries: a line each, or with `|` between them.
 * Throws UsageError for one that is no pattern.
 */
export function parseExclude(text: string): string[] {
  const entries = text.split(/\r?\n|\|/).filter((entry) => entry.trim() !== '')
  for (const entry of entries) assertPattern(entry)
  return entries
}

/** Whether a text is one entry. */
export function isExcludeEntry(text: string): boolean {
  return isPattern(parseEntry(text).pattern)
}

/** The patterns for one volume. */
export function excludesOf(entries: readonly string[], id: string): string[] {
  return entries
    .map(parseEntry)
    .filter((entry) => entry.id === '' || entry.id === id)
    .map(({ pattern }) => pattern)
}

/** Throws UsageError for an unknown volume, and where the engine can leave nothing out. */
export function assertExcludeFits(
  entries: readonly string[],
  volumes: readonly VolumeSpec[],
  engine: EngineChoice,
): void {
  const ids = volumes.map(({ id }) => id)
  for (const entry of entries) {
    const { id } = parseEntry(entry)
    if (id === '' || ids.includes(id)) continue

    throw new UsageError(
      `SNAP_EXCLUDE has ${JSON.stringify(entry)}, and there is no volume ${id}`,
      {
        fix: `write one of ${ids.join(', ')} before the colon, or ${JSON.stringify(`:${entry}`)} where the colon is a part of the name`,
      },
    )
  }

  const first = ids.find((id) => excludesOf(entries, id).length > 0)
  if (engine !== 'btrfs' || first === undefined) return

  throw new UsageError(
    `SNAP_ENGINE is btrfs, which snapshots a subvolume as a whole, and SNAP_EXCLUDE leaves something out of volume ${first}`,
    { fix: `set SNAP_ENGINE=auto, or take out the patterns of ${first}` },
  )
}

/** `ID:PATTERN` is for one volume; `PATTERN`, or `:PATTERN` where that has a colon, for all. */
function parseEntry(entry: string): { id: string; pattern: string } {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63}|):/.exec(entry)
  if (match === null) return { id: '', pattern: entry }
  return { id: match[1] ?? '', pattern: entry.slice(match[0].length) }
}

function assertPattern(entry: string): void {
  try {
    compileExcludes([parseEntry(entry).pattern])
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    const { problem, fix } = error
    throw new UsageError(`SNAP_EXCLUDE has ${JSON.stringify(entry)}: ${problem}`, {
      cause: error,
      fix,
    })
  }
}
