import { type BytePath, bytePath, nameOf, parentOf } from './byte-path.ts'
import { PatternError, fitsWildcards, parseWildcards } from './wildcards.ts'

/** Which paths of a tree are left out; nobody asks about what is in a directory that is. */
export interface Excludes {
  isEmpty: boolean
  /** `path` is relative to the root. */
  has(path: BytePath, isDirectory: boolean): boolean
}

type Rule = (path: BytePath, isDirectory: boolean) => boolean

/**
 * Of patterns as `rsync --exclude` takes them (rsync(1), PATTERN MATCHING RULES), and of single
 * paths. Throws PatternError.
 */
export function compileExcludes(
  patterns: readonly string[],
  paths: ReadonlySet<BytePath> = new Set(),
): Excludes {
  const rules = patterns.map(compileRule)
  return {
    isEmpty: rules.length + paths.size === 0,
    has: (path, isDirectory) => paths.has(path) || rules.some((rule) => rule(path, isDirectory)),
  }
}

/** Whether a directory is left out, or is in one that is. */
export function isWithin(directory: BytePath, excludes: Excludes): boolean {
  for (let path = directory; path !== ''; path = parentOf(path)) {
    if (excludes.has(path, true)) return true
  }
  return false
}

/** Whether a text is a pattern. */
export function isPattern(text: string): boolean {
  try {
    compileRule(text)
    return true
  } catch (error) {
    if (error instanceof PatternError) return false
    throw error
  }
}

function compileRule(text: string): Rule {
  assertMeaning(text)
  const isForDirectories = text.endsWith('/')
  const pattern = bytePath(isForDirectories ? text.slice(0, -1) : text)
  const isAnchored = pattern.startsWith('/')
  const slashes = pattern.split('/').length - 1

  const isWild = /[*?[]/.test(pattern)
  const crossesSlashes = pattern.includes('**')
  const beginsAnywhere = pattern.startsWith('**')
  const reachesDirectory = pattern.endsWith('***')
  const relative = isAnchored ? pattern.slice(1) : pattern

  // without a wildcard a backslash is one
  const steps = isWild
    ? parseWildcards(relative)
    : Array.from(relative, (character) => character.charCodeAt(0))
  const findStarts = (path: BytePath): Iterable<number> => {
    if (isAnchored || beginsAnywhere) return [0]
    return crossesSlashes ? eachPart(path) : lastParts(path, slashes + 1)
  }

  return (path, isDirectory) => {
    if (isForDirectories && !isDirectory) return false
    const name = slashes === 0 && !crossesSlashes ? nameOf(path) : path
    // so that `**/NAME` is one at the top, and `DIR/***` the directory itself
    const before = beginsAnywhere ? '/' : ''

    const after = isDirectory && reachesDirectory ? '/' : ''
    const asked = `${before}${name}${after}`
    for (const start of findStarts(asked)) if (fitsWildcards(steps, asked, start)) return true
    return false
  }
}

/** Where the path begins, and each place after a slash. */
function* eachPart(path: BytePath): Generator<number> {
  let start = 0
  do {
    yield start
    start = path.indexOf('/', start) + 1
  } while (start > 0)
}

/** Where the last `count` parts of a path begin; nowhere in one that has fewer. */
function lastParts(path: BytePath, count: number): number[] {
  let start = path.length + 1
  for (let left = count; left > 0; left -= 1) {
    start = path.lastIndexOf('/', start - 2) + 1
    if (start === 0 && left > 1) return []
  }
  return [start]
}

/** Refuses what rsync would take for something else, and what could never match. */
function assertMeaning(text: string): void {
  if (text === '') throw new PatternError('there is no pattern', 'write a name, such as *.tmp')
  if (/^[ \t]|[ \t]$/.test(text)) {
    throw new PatternError('it begins or ends with a blank', 'remove it, or write [ ] for it')
  }
  if (text.includes('\0')) throw new PatternError('it has a NUL byte', 'no name has one')
  if (text.includes('\ufffd')) {
    throw new PatternError('it has bytes that are no UTF-8', 'write ? for each of them')
  }
  if (text === '!' || /^[-+] /.test(text)) {
    throw new PatternError('to rsync that is a rule', 'write the pattern alone, such as *.tmp')
  }
  if (text === '/') {
    throw new PatternError('it is the volume itself', 'write /* for all that is in it')
  }

  const parts = text.replace(/^\//, '').replace(/\/$/, '').split('/')
  if (parts.some((part) => ['', '.', '..'].includes(part))) {
    throw new PatternError(
      'no path has an empty part, . or ..',
      'write /NAME for what is at the top of the volume, and NAME for it anywhere',
    )
  }
}
