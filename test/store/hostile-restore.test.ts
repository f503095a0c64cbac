import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect } from 'chai'
import { restore } from '../../src/actions/restore/restore.ts'
import { OperationError } from '../../src/errors.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { roundsOf } from '../support/sample.ts'
import { loopOrSkip } from '../support/places.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { ownerId, startAsOwner } from './support/hostile-owner.ts'
import { linksFiles, renamesFiles, replacesDirectories } from './support/hostile-programs.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
/** Whichever comes first. */
const rounds = roundsOf(20, 8)
const longestMs = 6000
const someoneElse = 2000

/** More than is copied where it could be cloned, and little. */
const sizes: Record<'ext4' | 'xfs', number> = { xfs: 66_000, ext4: 5000 }

describe('While the owner of a directory changes it, a restore', function () {
  this.timeout(120_000)

  for (const type of ['xfs', 'ext4'] as const) {
    describe(`on ${type}`, () => {
      let filesystem: LoopFilesystem
      let store: InProcessStore
      let his: string
      let outside: string
      let untouched: Tree

      before(async function () {
        filesystem = await loopOrSkip(this, type)
        chmodSync(dirname(filesystem.path), 0o755)
      })

      after(() => filesystem?.remove())

      beforeEach(() => {
        store = makeInProcessStore('link', 3, filesystem.path)
        chmodSync(dirname(store.data), 0o755)
        his = makeOwned(join(store.data, 'his'))
        outside = makeOwned(join(dirname(store.data), 'outside'))
        writeOwned(join(outside, 'own'), filled('HOSTILE', sizes[type]), ownerId, 0o755)
        writeOwned(join(outside, 'good'), filled('wanted', sizes[type]), ownerId, 0o755)
        // which others may write, so that the kernel lets them link it (proc_sys_fs(5),
        // protected_hardlinks)
        writeOwned(join(outside, 'theirs'), filled('wanted', sizes[type]), someoneElse, 0o666)
        untouched = walkTree(outside)
      })

      afterEach(() => store.remove())

      const names = Array.from({ length: 12 }, (_, number) => `program-${number}`)

      function makeWantedFiles(): void {
        for (const name of names) {
          writeOwned(join(his, name), filled('wanted', sizes[type]), 0, 0o4755)
        }
      }

      it('gives no file that he renames into its way to root', async () => {
        makeWantedFiles()
        await expectNoGain(renamesFiles)
      })

      it('changes no file outside that he links into its way', async () => {
        makeWantedFiles()
        await expectNoGain(linksFiles)
      })

      it('gives no file that he puts into the place of a directory to root', async () => {
        for (const name of names) {
          mkdirSync(join(his, name))
          writeOwned(join(his, name, 'program'), filled('wanted', sizes[type]), 0, 0o4755)
          chmodSync(join(his, name), 0o6755)
        }
        await expectNoGain(replacesDirectories)
      })

      async function expectNoGain(program: string): Promise<void> {
        const { name } = await store.snapshot()
        // what he has open would keep some of them from the race
        const options = { undo: false, reference: name, volumes: [], readAll: false, force: true }
        const owner = await startAsOwner(his, program, [outside, ...names])
        let lines: string[] = []
        try {
          const endsMs = Date.now() + longestMs
          for (let round = 0; round < rounds && Date.now() < endsMs; round += 1) {
            await restoreOrRefuse(async () => restore(store.context, options))
            const his = [...gained(store.data), ...gained(outside)]
            expect(his, 'files of his that became another user’s').to.deep.equal([])
            expect(compareTrees(untouched, walkTree(outside)), 'outside').to.deep.equal([])
          }
        } finally {
          lines = await owner.stop()
        }
        expect(lines, 'what he saw').to.deep.equal([])
        await restore(store.context, options)
        const differences = compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))
        expect(differences, 'the restore after it').to.deep.equal([])
      }
    })
  }
})

function filled(word: string, bytes: number): string {
  return `${word}\n`.repeat(bytes).slice(0, bytes)
}

function makeOwned(directory: string): string {
  mkdirSync(directory)
  chownSync(directory, ownerId, ownerId)
  return directory
}

function writeOwned(path: string, content: string, owner: number, mode: number): void {
  writeFileSync(path, content)
  chownSync(path, owner, owner)
  chmodSync(path, mode)
}

async function restoreOrRefuse(act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
  }
}

/**
 * Files with his content that are not his, each read through the descriptor that tells its owner.
 */
function gained(path: string): string[] {
  using opened = new DisposableStack()
  const descriptor = opened.adopt(openIfThere(path), (it) => it === undefined || closeSync(it))
  if (descriptor === undefined) return []
  const stat = fstatSync(descriptor)
  if (stat.isDirectory()) {
    const here = `/proc/self/fd/${descriptor}`
    return readdirSync(here).flatMap((name) => gained(join(here, name)))
  }
  const start = Buffer.alloc(7)
  readSync(descriptor, start)
  if (start.toString() !== 'HOSTILE' || (stat.uid === ownerId && stat.gid === ownerId)) return []
  return [`${basename(path)} is of ${stat.uid}:${stat.gid} with mode ${stat.mode.toString(8)}`]
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch {
    // the owner goes on meanwhile
    return undefined
  }
}
