import type { BytePath } from '../../tree/byte-path.ts'
import { PathList, eachPath } from '../../tree/path-list.ts'
import { type LinkedName, type WantedLink, planLinks } from './linked-names.ts'

/** What makes the live data unequal to the wanted tree. */
export interface Difference {
  /** In the live data only, or of another type there: to be removed first. */
  remove: BytePath[]
  /** Not in the live data, or removed from there. */
  create: PathList
  /** In both, and not provably equal. */
  toVerify: PathList
  /** Of those to verify, the ones that share a file with what has to be another one. */
  anew: BytePath[]
  /** Names of link groups whose file has another name in the lists above, or is proven. */
  links: WantedLink[]
  /** Directories of the wanted tree that the live data do not have. */
  newDirectories: PathList
  /** Those that both have. */
  directories: PathList
  /**
   * The live data have what the snapshot had, and somebody changed that in the snapshot: they stay
   * as they are.
   */
  historyChanged: BytePath[]
  /** In the wanted tree, and excluded there or in the live data: they stay as they are. */
  leftAlone: BytePath[]
  /**
   * A directory on one side only, where live data are to be kept: they stay as they are, with all
   * that is in them.
   */
  otherType: BytePath[]
}

export function noDifference(): Difference {
  return {
    remove: [],
    create: new PathList(),
    toVerify: new PathList(),
    anew: [],
    links: [],
    newDirectories: new PathList(),
    directories: new PathList(),
    historyChanged: [],
    leftAlone: [],
    otherType: [],
  }
}

/** Live files of several names: those to verify by path, and the inodes of what is proven. */
export interface SeveralNames {
  toVerify: Map<BytePath, { ino: bigint }>
  proven: Set<bigint>
}

/**
 * Leaves the names of link groups to links, but one of each, and keeps those apart that must not
 * share a file.
 */
export function separate(
  difference: Difference,
  groups: readonly LinkedName[][],
  { toVerify, proven }: SeveralNames,
): Difference {
  const members = new Set(groups.flat().map(({ path }) => path))
  const suspected = new Set(
    [...eachPath(difference.toVerify.bytes())].filter((path) => members.has(path)),
  )
  const links = planLinks(groups, (path) => suspected.has(path))
  const linked = new Set(links.map(({ path }) => path))

  const restored = [...toVerify].filter(([path]) => !linked.has(path))
  const anew = [...Map.groupBy(restored, ([, { ino }]) => ino)].flatMap(([inode, sharing]) =>
    // one of them can have the file
    sharing.slice(proven.has(inode) ? 0 : 1).map(([path]) => path),
  )

  return {
    ...difference,
    create: difference.create.without(linked),
    toVerify: difference.toVerify.without(linked),
    anew,
    links,
  }
}
