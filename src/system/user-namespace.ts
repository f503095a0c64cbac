import { readFileSync } from 'node:fs'

/** Users, or groups: which ids the namespace knows, and as what it shows all others. */
export interface IdMap {
  /** In words, such as `0 to 65535`. */
  known: string
  overflowId: number
  /** Whether somebody it knows has that id too. */
  isOverflowKnown: boolean
  /** Whom its id 0 is outside. */
  outsideOfRoot: number | undefined
}

export interface UserNamespace {
  users: IdMap
  groups: IdMap
}

/** Of 32 bits all but the last one, which means "none". */
const allIds = 2 ** 32 - 1

/**
 * The user namespace of this process (user_namespaces(7)), as with userns-remap or in rootless
 * Docker; undefined where it knows all users and groups, as on a host.
 */
export function findUserNamespace(): UserNamespace | undefined {
  const [users, groups] = [readMap('uid'), readMap('gid')]
  return users === undefined && groups === undefined
    ? undefined
    : { users: users ?? everybody, groups: groups ?? everybody }
}

/** What to do where it is in the way. */
export const userNamespaceFix =
  'with userns-remap run it with --userns=host; or give them an owner that is known here, see docs/user-namespaces.md'

const everybody: IdMap = {
  known: 'all',
  // no entry looks so
  overflowId: -1,
  isOverflowKnown: true,
  outsideOfRoot: 0,
}

function readMap(kind: 'uid' | 'gid'): IdMap | undefined {
  try {
    const map = readFileSync(`/proc/self/${kind}_map`, 'utf8')
    return parseIdMap(map, Number(readFileSync(`/proc/sys/kernel/overflow${kind}`, 'utf8')))
  } catch {
    // a kernel without user namespaces
    return undefined
  }
}

/** Reads lines of `inside outside count`; undefined where all ids are known. */
export function parseIdMap(text: string, overflowId: number): IdMap | undefined {
  const ranges = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number)
      return { inside, outside, last: inside + count - 1, count }
    })
  if (ranges.reduce((sum, { count }) => sum + count, 0) >= allIds) return undefined

  const isIn = (id: number) => (range: (typeof ranges)[number]) =>
    id >= range.inside && id <= range.last
  const ofRoot = ranges.find(isIn(0))
  const names = ranges.map(({ inside, last }) =>
    inside === last ? inside : `${inside} to ${last}`,
  )

  return {
    known: names.join(', '),
    overflowId,
    isOverflowKnown: ranges.some(isIn(overflowId)),
    outsideOfRoot: ofRoot === undefined ? undefined : ofRoot.outside - ofRoot.inside,
  }
}
