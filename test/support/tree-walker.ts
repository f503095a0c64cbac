import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
} from 'node:fs'

/**
 * All that a copy must keep of one name, as text. What it says was found without the program's own
 * code and without rsync.
 */
export interface Entry {
  type: string
  mode: string
  owner: string
  /** To the nanosecond. */
  mtime: string
  size?: string
  content?: string
  /** Where data are in a large file, from-to in units of 64 KiB; the rest are holes. */
  data?: string
  symlink?: string
  device?: string
  /** ACLs too: they are system.posix_acl_access and system.posix_acl_default. */
  attributes: string
  /** All names in the tree of a file that has several. */
  names?: string
}

/** Entries by path, relative to the root (which is `.`), bytes as latin1. */
export type Tree = ReadonlyMap<string, Entry>

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, S_IFMT, S_IFREG, S_IFDIR, S_IFLNK } = constants
const { S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK } = constants
const typeNames = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
  [S_IFCHR, 'character device'],
  [S_IFBLK, 'block device'],
])
const smallestMappedSize = 65_536n
const noAttributes: ReadonlyMap<string, string> = new Map()
/** The form in which XFS shows ACLs besides that of all filesystems. */
const ownFormOfXfs = 'trusted.SGI_ACL_'

/** Reads the tree below `root`, which may be a single file too, and is not followed. */
export function walkTree(root: string): Tree {
  const entries = new Map<string, Entry>()
  const namesByInode = new Map<string, string[]>()
  const attributes = lstatSync(root).isDirectory() ? readAttributes(root) : noAttributes
  const large: string[] = []

  // through open directories: a path in a snapshot may be longer than open(2) takes
  function visit(here: Buffer, path: string): void {
    const stat = lstatSync(here, { bigint: true })
    entries.set(path, describe(here, stat, attributes.get(path) ?? ''))
    if (stat.isDirectory()) return descend(here, path)
    if (stat.isFile() && stat.size >= smallestMappedSize) large.push(path)
    if (stat.nlink === 1n) return
    const inode = `${stat.dev}:${stat.ino}`
    namesByInode.set(inode, [...(namesByInode.get(inode) ?? []), path])
  }

  function descend(here: Buffer, path: string): void {
    const descriptor = openSync(here, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    try {
      for (const name of readdirSync(`/proc/self/fd/${descriptor}`, { encoding: 'buffer' })) {
        const child = Buffer.concat([Buffer.from(`/proc/self/fd/${descriptor}/`), name])
        const text = name.toString('latin1')
        visit(child, path === '.' ? text : `${path}/${text}`)
      }
    } finally {
      closeSync(descriptor)
    }
  }

  visit(Buffer.from(root), '.')
  for (const [path, data] of mapData(root, large)) update(entries, path, { data })
  for (const paths of namesByInode.values()) {
    if (paths.length < 2) continue
    const names = paths.toSorted().map(shown).join(' ')
    for (const path of paths) update(entries, path, { names })
  }
  return entries
}

/** What differs, a line each; empty for equal trees. The sizes of directories do not count. */
export function compareTrees(expected: Tree, actual: Tree): string[] {
  const differences: string[] = []
  for (const [path, entry] of expected) {
    const other = actual.get(path)
    if (other === undefined) differences.push(`${shown(path)} is missing (${entry.type})`)
    else differences.push(...compareEntries(path, entry, other))
  }
  for (const [path, { type }] of actual) {
    if (!expected.has(path)) differences.push(`${shown(path)} should not be there (${type})`)
  }
  return differences
}

function compareEntries(path: string, expected: Entry, actual: Entry): string[] {
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]) as Set<keyof Entry>
  return [...keys]
    .filter((key) => expected[key] !== actual[key])
    .map((key) => `${shown(path)}: ${key} is ${actual[key]}, should be ${expected[key]}`)
}

function describe(here: Buffer, stat: BigIntStats, attributes: string): Entry {
  const { mode, uid, gid, mtimeNs, rdev, size } = stat
  return {
    type: typeNames.get(Number(mode) & S_IFMT) ?? 'unknown',
    mode: (Number(mode) & 0o7777).toString(8),
    owner: `${uid}:${gid}`,
    mtime: String(mtimeNs),
    attributes,
    ...(stat.isFile() ? { size: String(size), content: hash(readFileSync(here)) } : {}),
    ...(stat.isSymbolicLink() ? { symlink: shownBytes(readlinkSync(here, 'buffer')) } : {}),
    ...(stat.isBlockDevice() || stat.isCharacterDevice() ? { device: String(rdev) } : {}),
  }
}

function hash(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function update(entries: Map<string, Entry>, path: string, more: Partial<Entry>): void {
  const entry = entries.get(path)
  if (entry !== undefined) entries.set(path, { ...entry, ...more })
}

function shown(path: string): string {
  return JSON.stringify(path)
}

function shownBytes(bytes: Buffer): string {
  return shown(bytes.toString('latin1'))
}

/**
 * All extended attributes of the tree, by getfattr(1), which escapes odd bytes in names as \ooo;
 * some filesystems have none.
 */
function readAttributes(root: string): Map<string, string> {
  const { stdout, stderr, status } = spawnSync(
    'getfattr',
    ['--recursive', '--physical', '--no-dereference', '--dump', '-m', '-', '-e', 'hex', '.'],
    { cwd: root, encoding: 'latin1', maxBuffer: 1024 ** 3, env: { ...process.env, LC_ALL: 'C' } },
  )
  const problems = stderr.split('\n').filter((line) => !/^$|: Operation not supported$/.test(line))
  if (problems.length > 0 || (status !== 0 && stderr === '')) {
    throw new Error(`getfattr ended with ${status} in ${root}: ${problems.join('\n')}`)
  }
  const blocks = stdout.split('\n\n').filter((block) => block.startsWith('# file: '))
  return new Map(
    blocks.map((block) => {
      const [head = '', ...lines] = block.split('\n')
      const kept = lines.filter((line) => line !== '' && !line.startsWith(ownFormOfXfs))
      return [unescapeOctal(head.slice('# file: '.length)), kept.toSorted().join(' ')]
    }),
  )
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

/**
 * Where lseek(2) finds data, asked by perl because Node has no lseek; 3 is SEEK_DATA, 4 SEEK_HOLE.
 * In units of 64 KiB, because filesystems differ in the size of their blocks and in what they
 * allocate ahead.
 */
const mapper = String.raw`
  local $/ = "\0";
  while (my $path = <STDIN>) {
    chomp $path;
    sysopen(my $file, $path, 0) or die "$path: $!";
    my ($offset, @data) = (0);
    while (defined(my $from = sysseek($file, $offset, 3))) {
      $offset = sysseek($file, $from, 4);
      push @data, int($from / 65536) . "-" . int(($offset + 65535) / 65536);
    }
    print "@data\0";
  }`

function mapData(root: string, paths: readonly string[]): [path: string, data: string][] {
  if (paths.length === 0) return []
  const maps = execFileSync('perl', ['-e', mapper], {
    cwd: root,
    input: Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1'),
    encoding: 'latin1',
  }).split('\0')
  return paths.map((path, index) => [path, maps[index] ?? ''])
}
