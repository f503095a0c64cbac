import { expect } from 'chai'
import * as fc from 'fast-check'
import { worthMoving, planMoves } from '../../../../src/copy/scan/plan-moves.ts'

/** Directories as an object: how many entries an untouched one has, or that it is touched. */
type Directories = Record<string, number | 'touched'>

function plan(directories: Directories) {
  const untouched = new Map<string, number>()
  const touched: string[] = []
  for (const [path, state] of Object.entries(directories)) {
    if (state === 'touched') touched.push(path)
    else untouched.set(path, state)
  }
  const { moves, moved, staged } = planMoves(untouched, touched)
  return { moves: moves.toSorted(), moved: moved.toSorted(), staged: staged.toSorted() }
}

/** A tree of directories: the path of each begins with that of one before. */
const trees: fc.Arbitrary<Directories> = fc
  .array(fc.record({ above: fc.nat(), entries: fc.nat(400), isTouched: fc.boolean() }), {
    maxLength: 30,
  })
  .map((all) => {
    const paths = ['']
    for (const [index, { above }] of all.entries()) {
      const parent = paths[above % paths.length] ?? ''
      paths.push(parent === '' ? `d${index}` : `${parent}/d${index}`)
    }
    return Object.fromEntries(
      paths.map((path, index) => {
        const { entries = 0, isTouched = true } = all[index] ?? {}
        return [path, isTouched ? ('touched' as const) : entries]
      }),
    )
  })

const isBelow = (path: string, above: string): boolean =>
  path !== above && (above === '' || path.startsWith(`${above}/`))

describe('the plan of what is moved from the spare', () => {
  it('moves a whole volume at its root, however small', () => {
    expect(plan({ '': 1, a: 1, 'a/b': 1 })).to.deep.equal({
      moves: [''],
      moved: ['', 'a', 'a/b'],
      staged: [],
    })
  })

  it('moves the largest subtrees without a touched directory', () => {
    const directories = { '': 5, a: 500, 'a/b': 5, 'a/b/c': 5, d: 'touched', 'd/e': 500 } as const
    expect(plan(directories)).to.deep.equal({
      moves: ['a', 'd/e'],
      moved: ['a', 'a/b', 'a/b/c', 'd/e'],
      staged: [''],
    })
  })

  it('stages what is above a touched directory, with nothing in between forgotten', () => {
    const directories = { '': 500, a: 500, 'a/b': 500, 'a/b/c': 'touched' } as const
    expect(plan(directories)).to.deep.equal({ moves: [], moved: [], staged: ['', 'a', 'a/b'] })
  })

  it('moves what is below one parent together, when all of it is enough', () => {
    const half = worthMoving / 2
    expect(plan({ '': 'touched', a: half - 1, b: half - 1 }).moves).to.deep.equal(['a', 'b'])
  })

  it('moves nothing where it does not pay, although it would somewhere else', () => {
    const directories = {
      '': 'touched',
      a: 'touched',
      'a/b': worthMoving - 2,
      c: worthMoving,
    } as const
    expect(plan(directories)).to.deep.equal({ moves: ['c'], moved: ['c'], staged: ['a/b'] })
  })

  it('counts all directories of a subtree', () => {
    expect(plan({ '': 'touched', a: 1, 'a/b': worthMoving }).moves).to.deep.equal(['a'])
  })

  it('is not confused by names that begin alike', () => {
    const directories = {
      '': 'touched',
      a: 500,
      'a.b': 'touched',
      'ab/c': 500,
      ab: 'touched',
    } as const
    expect(plan(directories).moves).to.deep.equal(['a', 'ab/c'])
  })

  it('stands a very deep chain', () => {
    const untouched = new Map(
      Array.from({ length: 3000 }, (_, depth) => [Array(depth).fill('d').join('/'), 1] as const),
    )
    expect(planMoves(untouched, []).moves).to.deep.equal([''])
  })

  it('is right for every tree', () => {
    fc.assert(
      fc.property(trees, (directories) => {
        const { moves, moved, staged } = plan(directories)
        const untouched = Object.keys(directories).filter((path) => directories[path] !== 'touched')
        expect([...moved, ...staged].toSorted(), 'each once').to.deep.equal(untouched.toSorted())
        for (const [path, state] of Object.entries(directories)) {
          const isCarried = moves.some((top) => path === top || isBelow(path, top))
          expect(moved.includes(path), path).to.equal(isCarried)
          if (state === 'touched') expect(isCarried, path).to.equal(false)
        }
        for (const top of moves) {
          expect(
            moves.some((other) => isBelow(top, other)),
            top,
          ).to.equal(false)
        }
      }),
    )
  })
})
