import { expect } from 'chai'
import { type PlannedTree, planArchive } from '../../../src/archive/plan-archive.ts'
import type { ListedEntry } from '../../../src/diff/list-tree.ts'

/** `path: type inode`, with the time of a directory behind it. */
function tree(entries: Record<string, string>): PlannedTree {
  const listed = Object.entries({ '': 'd 1 0', ...entries }).map(([path, text]) => {
    const [type = '', inode = '', mtime = '0'] = text.split(' ')
    const entry: ListedEntry = {
      type,
      inode,
      mtime,
      size: '1',
      mode: '755',
      owner: '0:0',
      ctime: '0',
      target: '',
    }
    return [path, entry] as const
  })
  return {
    entries: new Map(listed),
    attributes: new Map(),
    identityOf: ({ inode }) => inode,
  }
}

const never = (): boolean => false

describe('planArchive', () => {
  it('holds nothing where nothing changed', () => {
    const same = tree({ d: 'd 2', 'd/f': 'f 3' })
    const plan = planArchive(same, tree({ d: 'd 12', 'd/f': 'f 3' }), never)
    expect(Object.values(plan).flat()).to.deep.equal([])
  })

  it('holds what is new, with all directories above it, and deletes what it replaces', () => {
    const before = tree({ d: 'd 2', 'd/e': 'd 3', 'd/e/f': 'f 4', other: 'd 5' })
    const after = tree({ d: 'd 2', 'd/e': 'd 3', 'd/e/f': 'f 14', other: 'd 5' })
    const { included, deleted } = planArchive(before, after, never)
    expect(included).to.deep.equal(['', 'd', 'd/e', 'd/e/f'])
    expect(deleted).to.deep.equal(['d/e/f'])
  })

  it('deletes a directory at once', () => {
    const before = tree({ d: 'd 2', 'd/e': 'd 3', 'd/e/f': 'f 4' })
    expect(planArchive(before, tree({}), never).deleted).to.deep.equal(['d'])
  })

  it('takes what was renamed from the base', () => {
    const plan = planArchive(tree({ a: 'f 2' }), tree({ b: 'f 2' }), never)
    expect(plan).to.deep.include({
      included: [''],
      deleted: ['a'],
      linked: [{ path: 'b', base: 'a' }],
    })
  })

  it('leaves a name that stays alone when its group is split', () => {
    const before = tree({ a: 'f 2', b: 'f 2' })
    const plan = planArchive(before, tree({ a: 'f 3', b: 'f 2' }), never)
    expect(plan).to.deep.include({ included: ['', 'a'], deleted: ['a'], linked: [] })
  })

  it('links a further name to the file of the base', () => {
    const plan = planArchive(tree({ a: 'f 2' }), tree({ a: 'f 2', b: 'f 2' }), never)
    expect(plan).to.deep.include({ included: [''], linked: [{ path: 'b', base: 'a' }] })
  })

  it('deletes what became of another type, and what was in it goes with it', () => {
    const before = tree({ a: 'd 2', 'a/f': 'f 3', b: 'l 4' })
    const plan = planArchive(before, tree({ a: 'l 5', b: 'd 6', 'b/g': 'f 3' }), never)
    expect(plan).to.deep.include({
      included: ['', 'a', 'b'],
      deleted: ['a', 'b'],
      linked: [{ path: 'b/g', base: 'a/f' }],
    })
  })

  it('leaves a large file to a patch, which needs the directory above it', () => {
    const before = tree({ d: 'd 2', 'd/f': 'f 3' })
    const plan = planArchive(before, tree({ d: 'd 2', 'd/f': 'f 4' }), () => true)
    expect(plan).to.deep.include({ included: ['', 'd'], deleted: [], large: ['d/f'] })
  })

  it('names further names of pipes, which tar does not keep', () => {
    const plan = planArchive(tree({}), tree({ a: 'p 2', b: 'p 2' }), never)
    expect(plan).to.deep.include({ included: ['', 'a'], aliases: [{ path: 'b', first: 'a' }] })
  })

  it('holds no socket, and takes away one that is gone', () => {
    const plan = planArchive(tree({ s: 's 2', t: 's 3' }), tree({ t: 's 4', u: 's 5' }), never)
    expect(plan).to.deep.include({ included: [''], deleted: [], sockets: ['s'] })
  })

  it('makes a directory anew that lost attributes', () => {
    const before = tree({ d: 'd 2' })
    const attributes = new Map([['d', { acl: '', xattrs: 'a=b' }]])
    const plan = planArchive({ ...before, attributes }, tree({ d: 'd 2' }), never)
    expect(plan).to.deep.include({ included: ['', 'd'], remade: ['d'] })
  })
})
