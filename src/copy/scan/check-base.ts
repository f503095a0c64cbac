import type { BigIntStats } from 'node:fs'
import {
  type BytePath,
  isInAny,
  joinPath,
  lstatIfReachable,
  lstatIfThere,
  readNames,
} from '../../tree/byte-path.ts'
import type { KeptTimes } from '../../system/kept-times.ts'
import { asKept, looksSame } from '../index/proof.ts'
import { neverMatches } from '../index/format.ts'
import type { ScanReportBuilder } from './report.ts'
import type { DirectoryInTrees, ScanTask } from './scan-task.ts'
import { type IndexEntry, asRead, asWritten, proves } from '../index/source-index.ts'

/**
 * Reports what somebody changed in a directory of the base: names that came or went move its mtime,
 * which the scan before saw. What became of entries that are linked shows when they are.
 */
export function checkBase(
  { index, base, baseMounts, times }: ScanTask,
  place: DirectoryInTrees,
  self: BigIntStats,
  report: ScanReportBuilder,
): void {
  const seen = place.known?.entry('.')
  if (index === undefined || base === undefined || seen === undefined) return
  // of a racy one nobody knows what was staged
  if (seen.ctimeNs === neverMatches) return
  if (place.base === undefined) {
    if (!isInAny(place.path, baseMounts)) report.add('historyChanged', place.path)
    return
  }

  const stored = lstatIfThere(`${place.base}/.`)
  if (stored === undefined) return

  const isAsBefore =
    isKeptAs(seen, stored, times) && (!proves(seen, self) || looksSame(self, stored, times))
  if (isAsBefore) return

  const before = new Set(place.known?.names())
  const there = new Set(readNames(place.base))
  const came = [...there].filter(
    (name) => !before.has(name) && !index.has(joinPath(place.path, name)),
  )

  const others = [...before].filter(
    (name) => name !== '.' && isOther(place.known?.entry(name), `${place.base}/${name}`, times),
  )
  const changed = [...came, ...others].map((name) => joinPath(place.path, name))
  for (const path of changed.length > 0 ? changed : [place.path || '.']) {
    report.add('historyChanged', path)
  }
}

/** Whether an entry went, or is not what the scan saw by size and mtime. */
function isOther(seen: IndexEntry | undefined, path: BytePath, times: KeptTimes): boolean {
  const stored = lstatIfReachable(path)
  if (seen === undefined || stored === undefined || stored.size !== seen.size) return true
  return !isKeptAs(seen, stored, times)
}

function isKeptAs(seen: IndexEntry, { mtimeNs }: BigIntStats, times: KeptTimes): boolean {
  const kept = asKept(asRead(seen.mtimeNs), times)
  return [seen.mtimeNs, asWritten(kept)].includes(asWritten(mtimeNs))
}
