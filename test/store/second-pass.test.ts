import { linkSync, lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotCopy } from '../../src/copy/engine.ts'
import { randomOf, seed } from '../crash/support/random.ts'
import { shellIn } from '../support/shell.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type Generations, makeGenerations } from './support/generations.ts'
import { Mutator } from './support/mutations.ts'
import { walkReference } from './support/reference.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { describeSample, roundsOf } from '../support/sample.ts'

const rounds = roundsOf(30, 10)
const allAreWalkedEvery = 10

/** Brings the copy up to date; every engine link copy can be. */
async function update(copy: SnapshotCopy): Promise<SnapshotCopy> {
  if (copy.update === undefined) throw new Error('this copy has no second pass')
  return copy.update(() => undefined)
}

/** The same as `VolumeContents` says of a tree, but for what it shares with others. */
function countTree(tree: Tree): Record<string, number> {
  const entries = [...tree.values()]
  const ofType = (type: string): number => entries.filter((entry) => entry.type === type).length
  const groups = new Set(entries.flatMap(({ names }) => names ?? []))
  // of a file with several names, each has all of them
  const sizes = new Map([...tree].map(([path, { names, size }]) => [names ?? path, size ?? '0']))
  return {
    files: ofType('file'),
    directories: ofType('directory'),
    symlinks: ofType('symlink'),
    specials: ofType('fifo'),
    linkGroups: groups.size,
    bytes: [...sizes.values()].reduce((sum, size) => sum + Number(size), 0),
  }
}

const inode = (path: string): number => lstatSync(path).ino

/**
 * With ctimes: whatever is done to an entry shows. Without the root, which gets its attributes at
 * the end.
 */
async function listInodes(root: string): Promise<string> {
  return shellIn(root, String.raw`find . -mindepth 1 -printf '%p %i %C@\n' | sort`)
}

describeSample({ tests: 5 }, 'The second pass of engine link', function () {
  this.timeout(300_000)

  let generations: Generations

  beforeEach(() => {
    generations = makeGenerations()
  })

  afterEach(() => generations.remove())

  const newest = (name = ''): string => join(generations.newest().directory, name)
  const data = (name = ''): string => join(generations.data, name)

  const firstPass = (): Promise<SnapshotCopy> => generations.copy({ isTwoPass: true })

  const untilOld = (): Promise<void> => untilAllIsOld(generations.data)

  async function expectEqualToSource(what = ''): Promise<Tree> {
    const target = walkTree(newest())
    expect(compareTrees(await walkReference(generations.data), target), what).to.deep.equal([])
    return target
  }

  it(`makes what rsync --checksum makes of the source now, over ${rounds} generations (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const trees = new Map<string, Tree>()
    const expectOlderUnchanged = (count: number, what: string): void => {
      for (const { directory } of generations.made.slice(-1 - count, -1)) {
        const differences = compareTrees(trees.get(directory) ?? new Map(), walkTree(directory))
        expect(differences, `${directory}, ${what}`).to.deep.equal([])
      }
    }
    const mutator = new Mutator(generations.data, randomOf('second pass'))
    mutator.grow()
    for (let round = 0; round < rounds; round += 1) {
      const before = mutator.mutate()
      // every second one begins with links that were made in advance
      const prelinked = round % 2 === 1 ? await generations.prelink() : undefined
      let copy = await generations.copy({ prelinked, isTwoPass: true })
      for (let pass = 0; pass < (round % 3 === 2 ? 2 : 1); pass += 1) {
        const between = mutator.mutate()
        copy = await update(copy)
        const what = `seed ${seed}, round ${round}, pass ${pass}, after ${before.join(' ')}, then ${between.join(' ')}`
        expect(copy.warnings, what).to.deep.equal([])
        const target = await expectEqualToSource(what)
        expect(copy.contents, what).to.include(countTree(target))
        trees.set(newest(), target)
        expectOlderUnchanged(round % allAreWalkedEvery === 9 ? rounds : 2, what)
      }
    }
    expectOlderUnchanged(rounds, `seed ${seed}, at the end`)
  })

  it('keeps the inode of what did not change between the passes, copied or linked', async () => {
    await shellIn(generations.data, 'echo old > old; mkdir d; echo deep > d/deep; ln -s old link')
    await untilOld()
    await generations.copy()
    await shellIn(generations.data, 'echo new > new; ln d/deep d/again; echo changes > changes')
    await untilOld()
    const copy = await firstPass()
    const names = ['', 'old', 'link', 'new', 'd', 'd/deep', 'd/again']
    const before = names.map((name) => inode(newest(name)))
    await shellIn(generations.data, 'echo more >> changes')
    await update(copy)
    expect(names.map((name) => inode(newest(name)))).to.deep.equal(before)
    const base = generations.made[0]?.directory ?? ''
    expect(inode(newest('old')), 'shared with the base').to.equal(inode(join(base, 'old')))
    await expectEqualToSource()
  })

  it('changes nothing when nothing changed', async () => {
    new Mutator(generations.data, randomOf('nothing changed')).grow()
    await untilOld()
    const copy = await firstPass()
    const before = await listInodes(newest())
    const { contents, warnings } = await update(copy)
    expect(await listInodes(newest())).to.equal(before)
    expect(contents).to.include(countTree(walkTree(newest())))
    expect(warnings).to.deep.equal([])
  })

  const changes = {
    'its content': 'printf X | dd of=file conv=notrunc status=none',
    'its content, with size and time as before': `
      touch -r file ../time; printf X | dd of=file conv=notrunc status=none; touch -r ../time file`,
    'its length': 'truncate -s 2 file',
    'its mode and owner': 'chmod 600 file; chown 12:34 file',
    'its ACL and attributes': 'setfacl -m u:1234:r file; setfattr -n user.colour -v red file',
    'its time': "touch -d '2001-01-01T00:00:00.5Z' file",
    'its type': 'rm file; mkdir file; echo x > file/inside',
    'the number of its names': 'ln file another',
  }

  for (const [what, script] of Object.entries(changes)) {
    it(`leaves the base as it is when a file that it shares changed ${what}`, async () => {
      await shellIn(generations.data, 'echo content > file')
      await untilOld()
      await generations.copy()
      const base = generations.newest().directory
      const before = walkTree(base)
      const copy = await firstPass()
      expect(inode(newest('file')), 'shared').to.equal(inode(join(base, 'file')))
      await shellIn(generations.data, script)
      await update(copy)
      await expectEqualToSource()
      expect(compareTrees(before, walkTree(base)), 'the base').to.deep.equal([])
    })
  }

  it('can be done again and again', async () => {
    await shellIn(generations.data, 'mkdir d; echo 0 > d/number; echo still > still')
    let copy = await firstPass()
    for (const number of [1, 2, 3, 4]) {
      writeFileSync(data('d/number'), String(number))
      linkSync(data('d/number'), data(`d/${number}`))
      copy = await update(copy)
      expect(readFileSync(newest(`d/${number}`), 'utf8')).to.equal(String(number))
      await expectEqualToSource(`update ${number}`)
    }
  })

  it('leaves an index by which the next generation links what it copied, and not what changed', async () => {
    await shellIn(generations.data, 'echo first > first; echo changes > changes')
    const copy = await firstPass()
    await shellIn(generations.data, 'echo second > second')
    await untilOld()
    await update(copy)
    const base = generations.newest().directory
    await shellIn(generations.data, 'touch -r changes ../time; echo CHANGED > changes')
    await shellIn(generations.data, 'touch -r ../time changes')
    const { contents } = await generations.copy()
    for (const name of ['first', 'second']) {
      expect(inode(newest(name)), name).to.equal(inode(join(base, name)))
    }
    expect(contents).to.include({ files: 3, addedFiles: 1 })
    await expectEqualToSource()
  })
})
