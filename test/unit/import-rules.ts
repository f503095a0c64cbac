import { posix } from 'node:path'

/** A file of the program, by its path below src/. */
export interface SourceFile {
  path: string
  text: string
}

export interface ImportLine {
  specifier: string
  /**
   * `type` lines are erased; `static` ones are loaded at start-up, `dynamic` ones when they are
   * reached.
   */
  form: 'static' | 'type' | 'dynamic'
}

/**
 * From the edge inwards: a file imports from its own layer or from a later row, never from beside
 * it.
 */
const layers = [
  ['main'],
  ['cli'],
  ['daemon'],
  ['remote'],
  ['actions'],
  ['verify', 'archive'],
  ['copy', 'docker', 'diff', 'retention', 'usage'],
  ['store'],
  ['config'],
  ['tree'],
  ['system'],
  ['errors'],
]

/**
 * The same inside of two layers, for their rooms and for the files that are in none. What is not
 * named is in the last row, which all may know.
 */
const rooms: Readonly<Record<string, readonly (readonly string[])[]>> = {
  actions: [
    ['prove'],
    ['clones'],
    ['restore', 'archives'],
    ['snapshot'],
    ['doctor'],
    ['store', 'subvolume'],
    ['inspect'],
    ['report'],
    ['consumers'],
    ['unknown-owners', 'log-act', 'explain-failure', 'report-progress', 'clock-jump'],
    [],
  ],
  copy: [
    ['engines'],
    ['btrfs', 'clone-tree'],
    ['link', 'rsync-engine'],
    ['restore'],
    ['programs'],
    ['engine'],
    ['scan'],
    ['index'],
    [],
  ],
}

const doors: Readonly<Record<string, RegExp>> = {
  execa: /^system\/spawn(-shell|-idly)?\.ts$/,
  'node-cron': /^daemon\/schedule\.ts$/,
  dockerode: /^docker\//,
  hono: /^remote\//,
  '@hono/node-server': /^remote\//,
  'prom-client': /^daemon\/metrics\.ts$/,
  nodemailer: /^daemon\/notify-channel\.ts$/,
}

const notLiteral = '(not a string)'
const clause = String.raw`(?:[\w$]+\s*,\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?|[\w$]+)`
const fromPattern = new RegExp(
  String.raw`^[ \t]*(?:import|export)\s+(type\s+)?${clause}\s*from\s*['"]([^'"]+)['"]`,
  'gm',
)
const bareImportPattern = /^[ \t]*import\s*['"]([^'"]+)['"]/gm
const dynamicPattern = /\bimport\s*\(\s*(?:['"]([^'"]+)['"]\s*\))?/g

/** Every import of a file, in whatever form. */
export function readImports(text: string): ImportLine[] {
  const code = withoutComments(text)
  return [
    ...[...code.matchAll(fromPattern)].map(([, type, specifier = '']): ImportLine => {
      return { specifier, form: type === undefined ? 'static' : 'type' }
    }),
    ...[...code.matchAll(bareImportPattern)].map(([, specifier = '']): ImportLine => {
      return { specifier, form: 'static' }
    }),
    ...[...code.matchAll(dynamicPattern)].map(([, specifier = notLiteral]): ImportLine => {
      return { specifier, form: 'dynamic' }
    }),
  ]
}

/** One line for each import, and each use of the process, that the structure does not allow. */
export function findViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => [
    ...(layerOf(path) === undefined ? [`${path} is in no layer`] : []),
    ...readImports(text).flatMap(({ specifier }) => checkImport(path, specifier)),
    ...checkProcess(path, text),
  ])
}

/** The files of each circle of imports, types included. */
export function findCircles(files: readonly SourceFile[]): string[][] {
  const targets = new Map(
    files.map(({ path, text }) => [
      path,
      readImports(text).flatMap(({ specifier }) =>
        isRelative(specifier) ? [resolve(path, specifier)] : [],
      ),
    ]),
  )
  const done = new Set<string>()
  const circles: string[][] = []
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start !== -1) circles.push(way.slice(start))
    if (start !== -1 || done.has(path)) return
    for (const target of targets.get(path) ?? []) visit(target, [...way, path])
    done.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return circles
}

/** One line for each npm package that is loaded before `entry` runs, with the way it gets there. */
export function findEagerPackages(files: readonly SourceFile[], entry: string): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]))
  const seen = new Set<string>()
  const visit = (path: string, way: string): string[] => {
    if (seen.has(path)) return []
    seen.add(path)
    return readImports(texts.get(path) ?? '')
      .filter(({ form }) => form === 'static')
      .flatMap(({ specifier }) => {
        if (isRelative(specifier)) {
          const target = resolve(path, specifier)
          return visit(target, `${way} > ${target}`)
        }
        return isBuiltIn(specifier) ? [] : [`${way} loads ${specifier}`]
      })
  }
  return visit(entry, entry)
}

function checkImport(path: string, specifier: string): string[] {
  if (specifier === notLiteral) return [`${path} imports something that is no literal string`]
  if (isRelative(specifier)) return checkDirection(path, resolve(path, specifier))
  if (specifier === 'node:process' || specifier === 'process') {
    return [`${path} imports ${specifier}`]
  }
  if (isBuiltIn(specifier)) return []
  const door = doors[packageOf(specifier)]
  return door === undefined || door.test(path) ? [] : [`${path} imports ${specifier}`]
}

function checkDirection(path: string, target: string): string[] {
  const [from, to] = [layerOf(path), layerOf(target)]
  if (to === undefined) return [`${path} imports ${target}, which is in no layer`]
  if (from === undefined || (from !== to && rank(to) > rank(from))) return []
  if (from === to && isInward(path, target)) return []
  return [`${path} imports ${target}`]
}

/** Of two files of one layer. */
function isInward(path: string, target: string): boolean {
  const [layer = '', from = '', ...inRoom] = path.split('/')
  const [, to = '', ...inTargetRoom] = target.split('/')
  const rows = rooms[layer]
  if (rows === undefined || (from === to && inRoom.length + inTargetRoom.length > 0)) return true
  const rowOf = (name: string): number => {
    const row = rows.findIndex((names) => names.includes(name.replace(/\.ts$/, '')))
    return row === -1 ? rows.length - 1 : row
  }
  const [fromRow, toRow] = [rowOf(from), rowOf(to)]
  return toRow > fromRow || (toRow === fromRow && toRow === rows.length - 1)
}

function checkProcess(path: string, text: string): string[] {
  if (path === 'main.ts') return []
  const code = withoutComments(text)
  const member = /\bprocess\s*(?:\?\.|\.|\[|\?\.\[)\s*['"]?(exitCode|exit|env)\b/g
  const taken = /\{[^{}]*\b(exitCode|exit|env)\b[^{}]*\}\s*=\s*(?:globalThis\.)?process\b/g
  return [
    ...[...code.matchAll(member), ...code.matchAll(taken)].map(
      ([, name]) => `${path} uses process.${name}`,
    ),
    ...(/\b(?:createRequire|require)\s*\(/.test(code) ? [`${path} uses require`] : []),
  ]
}

function layerOf(path: string): string | undefined {
  const [first = ''] = path.split('/')
  const name = path.includes('/') ? first : first.replace(/\.ts$/, '')
  return layers.flat().find((layer) => layer === name)
}

function rank(layer: string): number {
  return layers.findIndex((row) => row.includes(layer))
}

function resolve(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier)
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.')
}

function isBuiltIn(specifier: string): boolean {
  return specifier.startsWith('node:')
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Strings are matched first, so that what looks like a comment in one stays. */
function withoutComments(text: string): string {
  const pattern =
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g
  return text.replace(pattern, (_, literal: string | undefined) => literal ?? '')
}
