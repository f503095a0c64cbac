import type { LinkGroup, Survey } from './survey.ts'
import { lstatBelow } from './tree-path.ts'

/**
 * The names in a staged tree that share a file although the source's do not, and all names of the source's
 * files among them. `rsync -H --link-dest` merges them when a link group of the base was split since.
 */
export function findMergedNames(source: string, staged: Survey): Buffer[] {
  return staged.linked
    .filter(({ paths }) => paths.length > 1 && !isOneFile(source, paths))
    .flatMap(({ paths }) => paths)
}

function isOneFile(root: string, paths: readonly Buffer[]): boolean {
  const inodes = new Set(paths.map((path) => lstatBelow(root, path)?.ino))
  return inodes.size === 1
}

/**
 * The names in a live tree that must be taken apart before a restore writes into it: their file has names
 * that the snapshot's does not have, in the tree or outside of it. rsync changes attributes of such a file
 * in place, and those other names would change with it.
 */
export function findForeignLinks(snapshot: Survey, live: Survey): Buffer[] {
  const wanted = new Set(snapshot.linked.filter(isGroup).map(groupKey))
  return live.linked
    .filter((group) => group.links !== group.paths.length || !wanted.has(groupKey(group)))
    .flatMap(({ paths }) => paths)
}

function isGroup({ paths }: LinkGroup): boolean {
  return paths.length > 1
}

function groupKey({ paths }: LinkGroup): string {
  return paths
    .map((path) => path.toString('latin1'))
    .toSorted()
    .join('\0')
}
