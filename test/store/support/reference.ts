import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { FurtherPlace } from '../../support/filesystems.ts'
import { type Tree, compareTrees, walkTree } from '../../support/tree-walker.ts'

/**
 * ACLs come with -A. Besides, XFS shows them as trusted.SGI_ACL_*: rsync would delete these where
 * the source is on another filesystem, and the ACLs with them.
 */
const aclsOnce = ['--filter=-x system.*', '--filter=-x trusted.SGI_ACL_*']

/**
 * What the reference, `rsync -aHAXS --checksum`, makes of a source in a directory, walked; beside
 * the source if not given. Without what the patterns exclude.
 */
export async function walkReference(
  source: string,
  home = join(source, '..'),
  exclude: readonly string[] = [],
): Promise<Tree> {
  const target = mkdtempSync(join(home, 'reference-'))
  try {
    await execa('rsync', [
      '-aHAXS',
      '--checksum',
      '--numeric-ids',
      '-@-1',
      ...aclsOnce,
      ...exclude.map((pattern) => `--exclude=${pattern}`),
      `${source}/`,
      `${target}/`,
    ])
    return walkTree(target)
  } finally {
    await execa('rm', ['-rf', target])
  }
}

/**
 * How a copy in the store differs from what rsync makes of the live data there, and from the live
 * data themselves but for what one of the two filesystems cannot tell. `home` is a directory on the
 * filesystem of the store.
 */
export async function differencesFromCopy(
  { store, data }: FurtherPlace,
  live: string,
  stored: string,
  home: string,
): Promise<string[]> {
  const copy = walkTree(stored)
  const areTimesCut = store !== data && store.hasCoarseTimes === true
  const comparable = (tree: Tree): Tree =>
    new Map(
      [...tree].map(([path, { mtime, data: ranges, attributes, ...entry }]) => [
        path,
        {
          ...entry,
          attributes: data.hidesAcls === true ? withoutAcls(attributes) : attributes,
          mtime: areTimesCut ? '' : mtime,
          ...(data.hidesHoles === true || ranges === undefined ? {} : { data: ranges }),
        },
      ]),
    )
  return [
    ...compareTrees(await walkReference(live, home), copy).map((line) => `by rsync: ${line}`),
    ...compareTrees(comparable(walkTree(live)), comparable(copy)),
  ]
}

function withoutAcls(attributes: string): string {
  const each = attributes.split(' ')
  return each.filter((attribute) => !attribute.startsWith('system.posix_acl_')).join(' ')
}
