import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  type SourceFile,
  findCircles,
  findEagerPackages,
  findViolations,
  readImports,
} from './import-rules.ts'

const sourceDirectory = new URL('../../src/', import.meta.url).pathname

function readSources(): SourceFile[] {
  return readdirSync(sourceDirectory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, text: readFileSync(join(sourceDirectory, path), 'utf8') }))
}

function violationsOf(path: string, text: string): string[] {
  return findViolations([{ path, text }])
}

describe('the imports of src', () => {
  it('are found at all', () => {
    const count = readSources().flatMap(({ text }) => readImports(text)).length
    expect(count).to.be.greaterThan(100)
  })

  it('run one way', () => {
    expect(findViolations(readSources())).to.deep.equal([])
  })

  it('make no circle, types included', () => {
    expect(findCircles(readSources())).to.deep.equal([])
  })

  it('load no npm package before a command is chosen, so that help stays light', () => {
    expect(findEagerPackages(readSources(), 'main.ts')).to.deep.equal([])
  })

  for (const command of ['help', 'version']) {
    it(`load no npm package for ${command}`, () => {
      const entry = `cli/commands/${command}.ts`
      expect(findEagerPackages(readSources(), entry)).to.deep.equal([])
    })
  }
})

describe('readImports', () => {
  const forms: [line: string, form: string][] = [
    ["import x from 'a'", 'static'],
    ["import * as x from 'a'", 'static'],
    ["import { x } from 'a'", 'static'],
    ["import x, { y } from 'a'", 'static'],
    ["import { type X } from 'a'", 'static'],
    ["import {\n  x,\n  y,\n} from 'a'", 'static'],
    ["import 'a'", 'static'],
    ['import x from "a"', 'static'],
    ["export { x } from 'a'", 'static'],
    ["export * from 'a'", 'static'],
    ["import type { X } from 'a'", 'type'],
    ["export type { X } from 'a'", 'type'],
    ["const { x } = await import('a')", 'dynamic'],
    ["const x: import('a').X = y", 'dynamic'],
  ]
  for (const [line, form] of forms) {
    it(`finds ${JSON.stringify(line)}`, () => {
      expect(readImports(`const first = 1\n${line}\n`)).to.deep.equal([{ specifier: 'a', form }])
    })
  }

  it('passes over imports in comments', () => {
    expect(readImports("// import x from 'a'\n/* import 'a' */\n")).to.deep.equal([])
  })

  it('does not take a string with slashes for a comment', () => {
    expect(readImports("const url = 'https://x'\nimport x from 'a'\n")).to.have.length(1)
  })
})

describe('findViolations', () => {
  const planted: [what: string, path: string, text: string][] = [
    [
      'a lower layer that imports a higher one',
      'store/a.ts',
      "import { x } from '../actions/b.ts'",
    ],
    ['a type of a higher layer', 'store/a.ts', "import type { X } from '../copy/b.ts'"],
    ['a dynamic import of a higher layer', 'actions/a.ts', "await import('../cli/b.ts')"],
    ['a re-export of a higher layer', 'config/a.ts', "export * from '../store/b.ts'"],
    ['copy that imports docker', 'copy/a.ts', "import { x } from '../docker/b.ts'"],
    ['copy that imports retention', 'copy/a.ts', "import { x } from '../retention/b.ts'"],
    ['a room that imports the one above', 'copy/scan/a.ts', "import { x } from '../link/b.ts'"],
    ['a room beside', 'actions/store/a.ts', "import { x } from '../subvolume/b.ts'"],
    ['a file in no room that imports one', 'actions/a.ts', "import { x } from './store/b.ts'"],
    ['docker that imports copy', 'docker/a.ts', "import { x } from '../copy/b.ts'"],
    ['retention that imports copy', 'retention/a.ts', "import type { X } from '../copy/b.ts'"],
    ['daemon that imports cli', 'daemon/a.ts', "import { x } from '../cli/b.ts'"],
    ['remote that imports daemon', 'remote/a.ts', "import { x } from '../daemon/b.ts'"],
    ['errors that import anything', 'errors.ts', "import { x } from './system/b.ts'"],
    ['anything that imports main', 'cli/a.ts', "import { x } from '../main.ts'"],
    ['a folder that is in no layer', 'helpers/a.ts', 'export const x = 1'],
    ['an import of a folder in no layer', 'cli/a.ts', "import { x } from '../helpers/b.ts'"],
    ['an import from outside src', 'cli/a.ts', "import x from '../../package.json'"],
    ['execa outside system/spawn.ts', 'system/a.ts', "import { execa } from 'execa'"],
    ['execa loaded late', 'copy/a.ts', "await import('execa')"],
    ['node-cron outside daemon/schedule.ts', 'daemon/a.ts', "import cron from 'node-cron'"],
    ['a type of node-cron', 'cli/a.ts', "import type { X } from 'node-cron'"],
    ['a file of node-cron', 'cli/a.ts', "import x from 'node-cron/dist/x.js'"],
    ['dockerode outside docker/', 'actions/a.ts', "import Docker from 'dockerode'"],
    ['an import that cannot be read', 'cli/a.ts', 'await import(name)'],
    ['require', 'cli/a.ts', "const x = require('execa')"],
    ['process.exit', 'cli/a.ts', 'process.exit(1)'],
    ['process.exitCode', 'daemon/a.ts', 'process.exitCode = 1'],
    ['process.env', 'config/a.ts', "const x = process.env['SNAP_MAX']"],
    ["process['env']", 'config/a.ts', "const x = process['env']"],
    ['process.env behind a ?', 'config/a.ts', 'const x = process?.env'],
    ['env taken out of process', 'config/a.ts', 'const { env } = process'],
    ['node:process', 'config/a.ts', "import { env } from 'node:process'"],
  ]
  for (const [what, path, text] of planted) {
    it(`finds ${what}`, () => {
      expect(violationsOf(path, `const first = 1\n${text}\n`)).to.have.length(1)
    })
  }

  const allowed: [what: string, path: string, text: string][] = [
    ['a lower layer', 'actions/a.ts', "import { x } from '../store/b.ts'"],
    ['the own room', 'copy/scan/a.ts', "import { x } from './b.ts'"],
    ['a room below', 'copy/link/a.ts', "import { x } from '../scan/b.ts'"],
    ['a file in no room', 'copy/link/a.ts', "import { x } from '../warnings.ts'"],
    ['the own layer', 'store/a.ts', "import { x } from './b.ts'"],
    ['a layer far below', 'cli/commands/a.ts', "import { x } from '../../errors.ts'"],
    ['execa in system/spawn.ts', 'system/spawn.ts', "await import('execa')"],
    ['node-cron in daemon/schedule.ts', 'daemon/schedule.ts', "import cron from 'node-cron'"],
    ['dockerode in docker/', 'docker/client.ts', "import Docker from 'dockerode'"],
    ['another package', 'store/a.ts', "import * as v from 'valibot'"],
    ['a built-in module', 'store/a.ts', "import { join } from 'node:path'"],
    ['process.env in main.ts', 'main.ts', 'run(process.env)'],
    ['process.exitCode in main.ts', 'main.ts', 'process.exitCode = 1'],
    ['process.pid', 'store/a.ts', 'const x = process.pid'],
    ['process.geteuid', 'store/a.ts', 'const x = process.geteuid?.()'],
    ['process.env in a comment', 'store/a.ts', '// process.env is read by main'],
  ]
  for (const [what, path, text] of allowed) {
    it(`allows ${what}`, () => {
      expect(violationsOf(path, text)).to.deep.equal([])
    })
  }
})

describe('findCircles', () => {
  const a = { path: 'store/a.ts', text: "import type { B } from './b.ts'" }

  it('finds one, types included', () => {
    const b = { path: 'store/b.ts', text: "import { a } from './a.ts'" }
    expect(findCircles([a, b])).to.deep.equal([['store/a.ts', 'store/b.ts']])
  })

  it('passes over two ways to one file', () => {
    const b = { path: 'store/b.ts', text: "import { c } from './c.ts'" }
    const c = { path: 'store/c.ts', text: '' }
    const both = { ...a, text: `${a.text}\nimport { c } from './c.ts'` }
    expect(findCircles([both, b, c])).to.deep.equal([])
  })
})

describe('findEagerPackages', () => {
  const main = { path: 'main.ts', text: "import { x } from './cli/a.ts'" }

  it('finds a package behind another file, and tells the way to it', () => {
    const files = [main, { path: 'cli/a.ts', text: "import yargs from 'yargs'" }]
    expect(findEagerPackages(files, 'main.ts')).to.deep.equal(['main.ts > cli/a.ts loads yargs'])
  })

  it('passes over a package that is loaded late', () => {
    const files = [main, { path: 'cli/a.ts', text: "await import('yargs')" }]
    expect(findEagerPackages(files, 'main.ts')).to.deep.equal([])
  })

  it('passes over a package of which only types are imported', () => {
    const files = [main, { path: 'cli/a.ts', text: "import type { X } from 'yargs'" }]
    expect(findEagerPackages(files, 'main.ts')).to.deep.equal([])
  })

  it('ends where files import each other', () => {
    const files = [main, { path: 'cli/a.ts', text: "import '../main.ts'" }]
    expect(findEagerPackages(files, 'main.ts')).to.deep.equal([])
  })
})
