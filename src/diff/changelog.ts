import { printable } from '../system/printable.ts'
import { type BytePath, displayPath } from '../tree/byte-path.ts'
import type { Change } from './compare-trees.ts'

/** Lines such as `added /var/cache/apt/pkgcache.bin`; what was renamed was deleted and added. */
export function changelogOf(root: string, changes: readonly Change[]): string {
  return changes
    .flatMap(({ kind, path, from, type }) => {
      const line = (what: string, at: BytePath): string =>
        `${what} ${absolutePath(root, at)}${type === 'd' ? '/' : ''}\n`
      if (kind === 'added' || kind === 'deleted') return line(kind, path)
      return from === undefined
        ? line('modified', path)
        : [line('deleted', from), line('added', path)]
    })
    .join('')
}

/** A path of a volume as the application knows it, for people. */
export function absolutePath(root: string, path: BytePath): string {
  const below = path === '' ? '' : `/${displayPath(path)}`
  return printable(`${root}${below}`)
}
