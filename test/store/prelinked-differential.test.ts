import { chmodSync, lstatSync, unlinkSync } from 'node:fs'
import { expect } from 'chai'
import { type BytePath, readNames, systemPath } from '../../src/tree/byte-path.ts'
import { type Random, randomOf, seed } from '../crash/support/random.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type Generations, makeGenerations } from './support/generations.ts'
import { Mutator } from './support/mutations.ts'
import { walkReference } from './support/reference.ts'

const generations = roundsOf(50, 12)
const kept = 3
/** So that in most generations some directories are left alone. */
const mostMutations = 3

/** How far the links had been made when the next generation began. */
const kinds: Record<string, (tree: string, random: Random) => void> = {
  whole: () => undefined,
  'half-made': leaveHalf,
}

describe(`Engine link with a prelinked tree, over ${generations} generations of a tree that changes at random,`, function () {
  this.timeout(300_000)

  let made: Generations

  beforeEach(() => {
    made = makeGenerations()
  })

  afterEach(() => made.remove())

  for (const [kind, leave] of Object.entries(kinds)) {
    it(`${kind}, makes what rsync --checksum makes, and changes no older one (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
      const random = randomOf(`prelinked ${kind}`)
      const trees = new Map<string, Tree>()
      const mutator = new Mutator(made.data, random)
      mutator.grow()
      let done: string[] = []
      let withLinks = 0
      for (let generation = 0; generation < generations; generation += 1) {
        made.made.splice(0, made.made.length - kept)
        const prelinked = await made.prelink()
        if (prelinked !== undefined) leave(prelinked, random)
        const before = prelinked === undefined ? '' : await listDirectories(prelinked)
        const copy = await made.copy({ prelinked })
        const what = `seed ${seed}, generation ${generation}, after ${done.join(' ')}`
        const { directory } = made.newest()
        if (countCommon(before, await listDirectories(directory)) > 1) withLinks += 1
        expect(copy.warnings, what).to.deep.equal([])
        const tree = walkTree(directory)
        expect(compareTrees(await walkReference(made.data), tree), what).to.deep.equal([])
        trees.set(directory, tree)
        for (const older of made.made) {
          const were = trees.get(older.directory) ?? new Map()
          const differences = compareTrees(were, walkTree(older.directory))
          expect(differences, `${older.directory}, ${what}`).to.deep.equal([])
        }
        done = generation % 10 === 9 ? [] : mutator.mutate(mostMutations)
      }
      expect(withLinks, 'generations with directories that were made in advance').to.be.above(
        generations / 2,
      )
    })
  }
})

/**
 * As a process leaves them that was killed: links are missing, and directories have no attributes
 * yet.
 */
function leaveHalf(directory: BytePath, random: Random): void {
  for (const name of readNames(directory)) {
    const path = `${directory}/${name}`
    if (!lstatSync(systemPath(path)).isDirectory()) {
      if (random() < 0.5) unlinkSync(systemPath(path))
    } else {
      chmodSync(systemPath(path), 0o700)
      leaveHalf(path, random)
    }
  }
}

async function listDirectories(root: string): Promise<string> {
  return shellIn(root, String.raw`find . -type d -printf '%i\n'`)
}

function countCommon(one: string, other: string): number {
  const inodes = new Set(one.split('\n').filter(Boolean))
  return other.split('\n').filter((inode) => inodes.has(inode)).length
}
