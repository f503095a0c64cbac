import prettyBytes from 'pretty-bytes'
import type { SnapshotRecord } from '../../store/record.ts'

/** One line for a snapshot just taken; the name stands first. */
export function formatTaken(record: SnapshotRecord, removed: readonly string[]): string {
  const contents = record.volumes.flatMap((volume) => volume.contents ?? [])
  const sum = (pick: (one: (typeof contents)[number]) => number): number =>
    contents.reduce((total, one) => total + pick(one), 0)
  const files = sum((one) => one.files)
  const bytes = prettyBytes(sum((one) => one.bytes))
  const added = `${sum((one) => one.addedFiles)} files, ${prettyBytes(sum((one) => one.addedBytes))}`
  const pruned = removed.length === 0 ? '' : `; ${removed.length} older removed`
  return `${record.name}: ${files} files, ${bytes}; added ${added}${pruned}\n`
}
