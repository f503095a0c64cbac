import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Finished } from '../../support/cli.ts'
import type { TestStore } from '../../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../../support/tree-walker.ts'

/** A directory for each test of the suite that calls it. */
export function useDirectory(): { readonly path: string } {
  let path = ''
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'snap-archives-'))
  })
  afterEach(() => {
    execFileSync('rm', ['-rf', '--one-file-system', '--', path])
  })
  return {
    get path() {
      return path
    },
  }
}

/** Exports into a directory, and gives what it said. */
export async function exportTo(
  store: TestStore,
  directory: string,
  ...words: string[]
): Promise<Finished> {
  const finished = await store.run(['export', ...words, '-o', directory])
  expect(finished.exitCode, finished.stderr).to.equal(0)
  return finished
}

/** The archives of a directory, oldest first. */
export function archivesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.tar.zst') && !name.startsWith('.'))
    .toSorted((one, other) => (timeOf(one) < timeOf(other) ? -1 : 1))
    .map((name) => join(directory, name))
}

function timeOf(name: string): string {
  return /_(\d{8}T\d{6}Z)/.exec(name)?.[1] ?? ''
}

/** What no archive has: sockets. */
export function withoutSockets(tree: Tree): Tree {
  return new Map([...tree].filter(([, { type }]) => type !== 'socket'))
}

export function expectSame(expected: string, actual: string): void {
  const differences = compareTrees(withoutSockets(walkTree(expected)), walkTree(actual))
  expect(differences, `${actual} is not ${expected}`).to.deep.equal([])
}

/** The programs that restore.sh needs, and no other: as in a container that has nothing else. */
const programs =
  'awk cat chmod cp cut dash dirname find id ln ls mkdir mktemp mv rm rmdir sh sha256sum sort sync tar touch tr xargs xdelta3 zstd'

/** Runs restore.sh by dash(1) with nothing but these programs; `without` names one that is missing. */
export function runRestoreScript(
  directory: string,
  words: readonly string[],
  without = '',
): Finished {
  const bin = mkdtempSync(join(tmpdir(), 'snap-bin-'))
  try {
    for (const name of programs.split(' ').filter((one) => one !== without)) {
      symlinkSync(pathOf(name), join(bin, name))
    }
    const { status, stdout, stderr } = spawnSync(
      '/bin/dash',
      [join(directory, 'restore.sh'), ...words],
      { env: { PATH: bin }, encoding: 'utf8' },
    )
    return { exitCode: status ?? -1, stdout, stderr }
  } finally {
    rmSync(bin, { recursive: true })
  }
}

function pathOf(program: string): string {
  return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
}

/** For each path of each snapshot the first path that is the same file: equal where as much is shared. */
export function sharingOf(store: TestStore): string[] {
  const first = new Map<string, string>()
  return store.snapshotNames().flatMap((name) => {
    const words = ['.', '!', '-type', 'd', '!', '-type', 's', '-printf', '%P/%i\\0']
    const listed = execFileSync('find', words, { cwd: store.dataIn(name), encoding: 'latin1' })
    return listed
      .split('\0')
      .slice(0, -1)
      .toSorted()
      .map((line) => {
        const at = line.lastIndexOf('/')
        const [shown, inode] = [`${name}/${line.slice(0, at)}`, line.slice(at + 1)]
        if (!first.has(inode)) first.set(inode, shown)
        return `${shown} is ${first.get(inode)}`
      })
  })
}
