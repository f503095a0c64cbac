/** What rsync or tar could not do with an extended attribute or an ACL, in its own words. */
export interface AttributeTrouble {
  /** Such as `user.colour`, or `ACL`; undefined where they cannot even be listed. */
  attribute: string | undefined
  /** Of the file, below the root of what was copied. */
  path: string
  /** Those of strerror(3). */
  words: string
}

/** In the C locale. Versions of rsync differ in the names of the calls. */
const messages = [
  /^rsync: \[(?<who>\w+)\] rsync_xal_(?:set|clear): \w+\("(?<path>.*)","(?<name>.*)"\) failed: (?<words>.*) \(\d+\)$/,
  /^rsync: \[(?<who>\w+)\] get_xattr_data: \w+\("(?<path>.*)","(?<name>.*)",\d+\) failed: (?<words>.*) \(\d+\)$/,
  /^rsync: \[(?<who>\w+)\] get_xattr_names: \w+\("(?<path>.*)",\d+\) failed: (?<words>.*) \(\d+\)$/,
  /^rsync: \[(?<who>\w+)\] set_acl: \w+\((?<path>.*), (?<name>ACL)_TYPE_\w+\): (?<words>.*) \(\d+\)$/,
  /^tar: \w+: Cannot set '(?<name>.*)' extended attribute for file '(?<path>.*)': (?<words>.*)$/,
  /^tar: \w+: Cannot set POSIX (?<name>ACL)s for file '(?<path>.*)': (?<words>.*)$/,
  /^tar: (?<path>.*): Warning: Cannot \w*listxattr: (?<words>.*)$/,
]

/** Undefined for a line that tells of something else. */
export function readAttributeTrouble(line: string): AttributeTrouble | undefined {
  for (const message of messages) {
    const groups: Partial<Record<string, string>> | undefined = message.exec(line)?.groups
    if (groups === undefined) continue
    const { who, path = '', name, words = '' } = groups
    return { attribute: name, path: pathInTree(path, who), words }
  }
  return undefined
}

/**
 * Who writes a file, in staging or in a private directory, names it as it is called until it gets
 * its name.
 */
function pathInTree(path: string, who: string | undefined): string {
  const inTree = path
    .replace(/^.*\/\.\//, '')
    .replace(/^.*\/\.snap-volume\/staging\/[^/]+\//, '')
    .replace(/^\/proc\/\d+\/fd\/\d+\/(made\/)?/, '')
  const isWriter = who === 'receiver' || who === 'generator'
  return isWriter ? inTree.replace(/(^|\/)\.([^/]+)\.[A-Za-z0-9]{6}$/, '$1$2') : inTree
}

/**
 * Why an attribute itself stops a copy to a filesystem, and what to do; undefined where it is
 * something else, such as an I/O error. Too large is ENOSPC to ext4 and E2BIG to others
 * (setxattr(2)).
 */
export function describeTrouble(
  { attribute, path, words }: AttributeTrouble,
  filesystem: string,
): { problem: string; fix: string } | undefined {
  const name = attribute === 'ACL' ? 'the ACL' : `the extended attribute ${attribute}`
  switch (words) {
    case 'No data available':
      return {
        problem: `${name} of ${path} is listed and cannot be read`,
        fix: 'remove it (setfattr -x), or look at the mount',
      }
    case 'No space left on device':
    case 'Argument list too long':
    case 'Numerical result out of range':
      return attribute === undefined
        ? {
            problem: `the extended attributes of ${path} are too many to be listed`,
            fix: 'remove some (setfattr -x)',
          }
        : {
            problem: `${name} of ${path} is too large for the filesystem of ${filesystem}, by itself or together with the others of that file`,
            fix: 'make it smaller, remove others, or have that on XFS, btrfs, or ext4 with the feature ea_inode',
          }
    default:
      return undefined
  }
}
