import { lstatSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotRecord, VolumeContents } from '../../src/store/record.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { type Move, movesWithEdits, pureMoves } from './support/moves.ts'
import { prelink } from './support/prelinked.ts'
import { describeSample, howOften, sample } from '../support/sample.ts'

interface Scene extends Move {
  what: string
  /** Where it takes place in its volume. */
  directory: string
}

function scenesOf(moves: Readonly<Record<string, Move>>): Scene[] {
  return Object.entries(moves).map(([what, move], index) => ({
    ...move,
    what,
    directory: `scene-${index + 1}`,
  }))
}

const volumes = [
  { id: 'pure', scenes: scenesOf(pureMoves) },
  { id: 'edited', scenes: scenesOf(movesWithEdits) },
]
const copiedPaths = volumes.flatMap(({ scenes }) => scenes.flatMap(({ copied = [] }) => copied))

const types = ['ext4', 'xfs', 'btrfs'] as const

for (const type of sample(types, howOften(types.length, 1), 'moved')) {
  for (const isPrelinked of [false, true]) {
    describe(`What was moved on ${type}, ${isPrelinked ? 'with' : 'without'} a prelinked tree,`, function () {
      this.timeout(180_000)

      let filesystem: LoopFilesystem
      let store: InProcessStore
      let older: SnapshotRecord
      let treesBefore: Tree[]
      let newer: SnapshotRecord
      let newest: SnapshotRecord

      before(async function () {
        filesystem = await loopOrSkip(this, type)
        store = makeInProcessStore('link', 100, filesystem.path)
        store.context.config.volumes = volumes.map(({ id }) => ({ id, path: liveOf(id) }))
        await eachScene(({ directory, grow }) => `mkdir ${directory}; cd ${directory}; ${grow}`)
        await untilAllIsOld(store.data)
        older = await store.snapshot()
        treesBefore = volumes.map(({ id }) => walkTree(treeIn(older, id)))
        if (isPrelinked) await prelink(store.context)
        await eachScene(({ directory, change }) => `cd ${directory}; ${change}`)
        await untilAllIsOld(store.data)
        newer = await store.snapshot()
        newest = await store.snapshot()
      })

      after(async () => {
        await store?.remove()
        await filesystem?.remove()
      })

      const liveOf = (id: string): string => `${store.data}/${id}`
      const treeIn = ({ name }: SnapshotRecord, id: string): string =>
        join(store.context.store.directory, name, id)

      async function eachScene(script: (scene: Scene) => string): Promise<void> {
        for (const { id, scenes } of volumes) {
          await shellIn(store.data, `mkdir -p ${id}`)
          for (const scene of scenes) await shellIn(liveOf(id), script(scene))
        }
      }

      for (const { id, scenes } of volumes) {
        for (const { what, directory, moved = [], copied = [] } of scenes) {
          it(`is right in the next snapshot: ${what}`, () => {
            const taken = walkTree(join(treeIn(newer, id), directory))
            expect(compareTrees(walkTree(join(liveOf(id), directory)), taken)).to.deep.equal([])
          })

          it(`shares its inodes with the snapshot before: ${what}`, () => {
            for (const [from, to] of moved) {
              const before = inodesAt(join(treeIn(older, id), directory, from))
              const now = inodesAt(join(treeIn(newer, id), directory, to))
              expect(now, `${from} as ${to}`).to.deep.equal(before)
            }
          })

          if (copied.length === 0) continue
          it(`has inodes of its own for what changed: ${what}`, () => {
            const before = new Set(inodesBelow(join(treeIn(older, id), directory)))
            for (const path of copied) {
              const { ino } = lstatSync(join(treeIn(newer, id), directory, path))
              expect(before.has(ino), path).to.equal(false)
            }
          })
        }
      }

      it('adds nothing but what is new', () => {
        expect(addedBy(newer, 'pure')).to.include({ addedFiles: 0, addedBytes: 0 })
        expect(addedBy(newer, 'edited')).to.include({ addedFiles: copiedPaths.length })
      })

      it('adds nothing to the one after', () => {
        for (const { id } of volumes) {
          expect(addedBy(newest, id)).to.include({ addedFiles: 0, addedBytes: 0 })
          const trees = [newer, newest].map((record) => walkTree(treeIn(record, id)))
          expect(compareTrees(trees[0] ?? new Map(), trees[1] ?? new Map())).to.deep.equal([])
        }
      })

      it('stays as it was in the snapshot before', () => {
        for (const [index, { id }] of volumes.entries()) {
          const before = treesBefore[index] ?? new Map()
          expect(compareTrees(before, walkTree(treeIn(older, id)))).to.deep.equal([])
        }
      })

      it('warns of nothing', () => {
        expect([...newer.warnings, ...newest.warnings]).to.deep.equal([])
      })
    })
  }

  describeSample({ tests: 1 }, `An inode number that is used again on ${type}`, () => {
    let filesystem: LoopFilesystem
    let store: InProcessStore

    before(async function () {
      filesystem = await loopOrSkip(this, type)
    })

    beforeEach(() => {
      store = makeInProcessStore('link', 100, filesystem.path)
    })

    afterEach(() => store?.remove())
    after(() => filesystem?.remove())

    for (const isPrelinked of [false, true]) {
      it(`is not taken for the file that had it, ${isPrelinked ? 'with' : 'without'} a prelinked tree`, async function () {
        await shellIn(store.data, 'mkdir d; echo victim > d/victim; touch -d 2020-01-01 d/victim')
        const { ino } = lstatSync(join(store.data, 'd/victim'))
        await untilAllIsOld(store.data)
        await store.snapshot()
        if (isPrelinked) await prelink(store.context)
        if (!useAgain(join(store.data, 'd'), ino)) {
          skipBecause(this, `${type} gave the number to no new file`)
        }
        await shellIn(store.data, 'touch -d 2020-01-01 d/reborn')
        await untilAllIsOld(store.data)
        const { name } = await store.snapshot()
        expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
      })
    }
  })
}

/**
 * Removes `victim` and makes files of its size until one, `reborn`, has its number; false when none
 * has.
 */
function useAgain(directory: string, inode: number): boolean {
  rmSync(join(directory, 'victim'))
  const tries = Array.from({ length: 300 }, (_, index) => join(directory, `try-${index}`))
  for (const path of tries) writeFileSync(path, 'reborn\n')
  const found = tries.find((path) => lstatSync(path).ino === inode)
  if (found !== undefined) renameSync(found, join(directory, 'reborn'))
  for (const path of tries) rmSync(path, { force: true })
  return found !== undefined
}

function addedBy({ volumes: all }: SnapshotRecord, id: string): VolumeContents {
  const contents = all.find((volume) => volume.id === id)?.contents
  if (contents === null || contents === undefined) throw new Error(`nobody counted ${id}`)
  return contents
}

/** The inode of a file; of a directory, those of the files in it, by name. */
function inodesAt(path: string): unknown {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.ino
  const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isFile())
  const names = entries.map(({ name }) => name).toSorted()
  return names.map((name) => [name, lstatSync(join(path, name)).ino])
}

function inodesBelow(root: string): number[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).map(
    (path) => lstatSync(join(root, path)).ino,
  )
}
