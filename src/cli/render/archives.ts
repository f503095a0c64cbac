import prettyBytes from 'pretty-bytes'
import type { Exported } from '../../actions/archives/export.ts'
import type { Imported } from '../../actions/archives/import.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'

/** A line for each archive. */
export function formatExported({ archives }: Pick<Exported, 'archives'>): string {
  return archives
    .map(({ volume, snapshot, base, bytes, path }) => {
      const what = base === null ? snapshot : `what changed from ${base} to ${snapshot}`
      const where = path === null ? '' : `: ${printable(path)}`
      return `${volume}: ${what}, ${prettyBytes(bytes)}${where}\n`
    })
    .join('')
}

/** A line for each snapshot. */
export function formatImported({ snapshots }: Imported): string {
  return snapshots
    .map(({ name, volumes, wasThere, addedFiles, addedBytes }) => {
      const of = `${name} of ${volumes.join(', ')}`
      if (wasThere) return `${of} was there already\n`
      return `${of} is imported: ${counted(addedFiles, '{file|files}')} more, ${prettyBytes(addedBytes)}\n`
    })
    .join('')
}
