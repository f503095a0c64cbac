import { expect } from 'chai'
import { randomOf, seed } from '../crash/support/random.ts'
import { shellIn } from '../support/shell.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type Generations, makeGenerations } from './support/generations.ts'
import { Mutator } from './support/mutations.ts'
import { walkReference } from './support/reference.ts'

const generations = 50
const kept = 3
/** So that in most generations some directories are left alone. */
const mostMutations = 3

/** What retention removed is three generations old: less of it is as it was. */
const copyOfNewest = 'that is a copy of the newest'

const kinds = {
  'of a removed snapshot': async ({ made }: Generations) =>
    Promise.resolve(made.length < kept ? undefined : made[0]),
  [copyOfNewest]: async (generations: Generations) => {
    const { made } = generations
    made.splice(0, made.length - kept)
    return made.length === 0 ? undefined : generations.prepare()
  },
}

describe(`Engine link with a spare, over ${generations} generations of a tree that changes at random,`, function () {
  this.timeout(300_000)

  let made: Generations

  beforeEach(() => {
    made = makeGenerations()
  })

  afterEach(() => made.remove())

  for (const [kind, findSpare] of Object.entries(kinds))
    it(`${kind}, makes what rsync --checksum makes, and changes no older one (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
      const trees = new Map<string, Tree>()
      const mutator = new Mutator(made.data, randomOf(`spare ${kind}`))
      mutator.grow()
      let done: string[] = []
      let withMoves = 0
      let directories = 0
      for (let generation = 0; generation < generations; generation += 1) {
        const spare = await findSpare(made)
        const before = spare === undefined ? '' : await listDirectories(spare.directory)
        const copy = await made.copy({ spare })
        const what = `seed ${seed}, generation ${generation}, after ${done.join(' ')}`
        const { directory } = made.newest()
        const moved = countCommon(before, await listDirectories(directory))
        if (moved > 0) withMoves += 1
        directories += moved
        expect(copy.warnings, what).to.deep.equal([])
        const tree = walkTree(directory)
        expect(compareTrees(await walkReference(made.data), tree), what).to.deep.equal([])
        trees.set(directory, tree)
        for (const older of made.made) {
          const differences = compareTrees(
            trees.get(older.directory) ?? new Map(),
            walkTree(older.directory),
          )
          expect(differences, `${older.directory}, ${what}`).to.deep.equal([])
        }
        done = generation % 10 === 9 ? [] : mutator.mutate(mostMutations)
      }
      expect(withMoves, `generations with moved directories; ${directories} moved`).to.be.above(
        generations / (kind === copyOfNewest ? 2 : 5),
      )
    })
})

async function listDirectories(root: string): Promise<string> {
  return shellIn(root, String.raw`find . -type d -printf '%i\n'`)
}

function countCommon(one: string, other: string): number {
  const inodes = new Set(one.split('\n').filter(Boolean))
  return other.split('\n').filter((inode) => inodes.has(inode)).length
}
