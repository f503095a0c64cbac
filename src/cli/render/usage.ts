import prettyBytes from 'pretty-bytes'
import type { Freed, Usage } from '../../actions/inspect/usage.ts'
import { counted } from '../../system/counted.ts'
import { formatTable } from './table.ts'

/** For programs: of the named snapshots together, and of each. */
export function describeUsage(usage: Usage, names: readonly string[] | undefined): object {
  const shown = usage.snapshots.filter(({ name }) => names?.includes(name) ?? true)
  const freed = names === undefined ? {} : describeFreed(usage.freedBy(new Set(names)))

  return {
    type: 'result',
    schema: 1,
    ...freed,
    totalBytes: usage.total.bytes,
    totalInodes: usage.total.inodes,
    snapshots: shown.map(({ name, bytes, addedBytes, freed: alone }) => {
      return { name, bytes, addedBytes, ...describeFreed(alone) }
    }),
  }
}

function describeFreed({ bytes, inodes, bound }: Freed): object {
  return { freedBytes: bytes, freedInodes: inodes, bound }
}

/** A table with what each gives back alone, and what is given back together. */
export function formatUsage(usage: Usage, names: readonly string[] | undefined): string {
  const shown = usage.snapshots.filter(({ name }) => names?.includes(name) ?? true)
  const rows = shown.map(({ name, bytes, addedBytes, freed }) => [
    name,
    formatBytes(bytes),
    formatBytes(addedBytes),
    formatFreed(freed),
    String(freed.inodes),
  ])

  const table =
    rows.length === 0
      ? ''
      : formatTable([['SNAPSHOT', 'SIZE', 'ADDED', 'FREES', 'INODES'], ...rows], [1, 2, 3, 4])
  const together =
    names === undefined
      ? `all snapshots together take ${formatFreed(usage.total)}\n`
      : `removing ${counted(shown.length, '{snapshot|snapshots}')} frees ${formatFreed(usage.freedBy(new Set(names)))}\n`
  return table + together
}

function formatBytes(bytes: number | null): string {
  return bytes === null ? '?' : prettyBytes(bytes)
}

/** With how exact it is. */
export function formatFreed({ bytes, bound }: Freed): string {
  const prefix = { exact: '', 'at-most': 'at most ', 'at-least': 'at least ' }[bound]
  return `${prefix}${prettyBytes(bytes)}`
}
