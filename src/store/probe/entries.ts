import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Lack } from '../abilities.ts'
import { succeeds } from './succeeds.ts'

/** Makes a file, a directory and links in `home`, and tells what is not as it was made. */
export function probeEntries(home: string, id: number): Lack[] {
  const [file, directory, link] = ['file', 'directory', 'link'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ]

  writeFileSync(file, 'x')
  mkdirSync(directory)

  const hasSymlinks = succeeds(() => keepsSymlink(link, '/no where') && keepsSymlink(link, '../no'))
  const owned = hasSymlinks ? [file, directory, link] : [file, directory]
  const kept: [lack: Lack, succeeds: boolean][] = [
    // before the modes, of which a new owner takes bits away
    ['owners', owned.every((path) => succeeds(() => keepsOwner(path, id)))],
    ['modes', succeeds(() => keepsModes(file, fileModes) && keepsModes(directory, directoryModes))],
    ['symlinks', hasSymlinks],
    ['hard links', succeeds(() => keepsHardLink(file, join(home, 'other')))],
  ]
  return kept.filter(([, keeps]) => !keeps).map(([lack]) => lack)
}

/**
 * One that needs more than 16 bits, where this process may give it: a user namespace may have fewer
 * (user_namespaces(7)).
 */
export function highestId(map = readFileSync('/proc/self/uid_map', 'utf8')): number {
  const ranges = map.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  const isMapped = (id: number): boolean =>
    ranges.some(([first = 0, , count = 0]) => first <= id && id < first + count)
  return [70_001, 60_001, 1].find(isMapped) ?? 0
}

function keepsOwner(path: string, id: number): boolean {
  lchownSync(path, id, id)
  const { uid, gid } = lstatSync(path)
  return uid === id && gid === id
}

const fileModes = [0o4751, 0o2640, 0o1604, 0o600]
const directoryModes = [0o1777, 0o2750, 0o700]

function keepsModes(path: string, modes: readonly number[]): boolean {
  return modes.every((mode) => {
    chmodSync(path, mode)
    return (lstatSync(path).mode & 0o7777) === mode
  })
}

/** sshfs(1) has its own mind about where links may lead. */
function keepsSymlink(path: string, target: string): boolean {
  rmSync(path, { force: true })
  symlinkSync(target, path)
  return lstatSync(path).isSymbolicLink() && readlinkSync(path) === target
}

/** Where the names do not tell that they are of one file, a restore cannot know the group. */
function keepsHardLink(file: string, other: string): boolean {
  linkSync(file, other)
  const [one, two] = [file, other].map((path) => lstatSync(path, { bigint: true }))
  return one?.ino === two?.ino && two?.nlink === 2n
}
