import { expect } from 'chai'
import { engines } from '../support/engines.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

/** What the data are at the first snapshot, and what happens before the second. */
const histories: Record<string, [before: string, between: string]> = {
  'a file gets a second name': ['echo x > f', 'ln f g'],
  'a group loses a name': ['echo x > f; ln f g; ln f h', 'rm h'],
  'a group is split below the root': ['mkdir d; echo x > d/f; ln d/f d/g', 'cp -a d/f t; mv t d/g'],
  'a group in the root is split': ['echo x > f; ln f g', 'cp -a f t; mv t g'],
  'a group over two directories is split': [
    'mkdir a b; echo x > a/f; ln a/f b/f',
    'cp -a a/f t; mv t b/f',
  ],
  'a group of four becomes two groups of two': [
    'echo x > 1; ln 1 2; ln 1 3; ln 1 4',
    'cp -a 3 t; ln -f t 3; ln -f t 4; rm t',
  ],
  'two equal files are merged': ['echo x > f; cp -a f g', 'ln -f f g'],
  'two groups are merged': ['echo x > 1; ln 1 2; cp -a 1 3; ln 3 4', 'ln -f 1 3; ln -f 1 4'],
  'names are swapped between two groups': [
    'echo x > 1; ln 1 2; cp -a 1 3; ln 3 4',
    'mv 2 t; mv 4 2; mv t 4',
  ],
  'a group of which every name is renamed': ['echo x > f; ln f g', 'mv f h; mv g i'],
  'a group changes its mode': ['echo x > f; ln f g', 'chmod 600 f'],
  'a group of fifos is split': ['mkfifo f; ln f g', 'cp -a f t; mv t g'],
  'a group of symlinks is split': ['ln -s x f; ln -P f g', 'cp -a f t; mv t g'],
  'a file has another name outside the volume': ['echo x > f', 'ln f ../outside'],
}

for (const engine of engines) {
  describe(`The second snapshot has the link groups of the source when (engine ${engine})`, () => {
    const store = useStore({ env: { SNAP_ENGINE: engine } })

    for (const [title, [before, between]] of Object.entries(histories)) {
      it(title, async () => {
        await shellIn(store.data, before)
        const older = await store.snapshot()
        const olderTree = walkTree(store.dataIn(older))
        await shellIn(store.data, between)
        const source = walkTree(store.data)
        const newer = await store.snapshot()
        expect(compareTrees(source, walkTree(store.dataIn(newer)))).to.deep.equal([])
        expect(compareTrees(olderTree, walkTree(store.dataIn(older))), 'older').to.deep.equal([])
      })
    }

    it('restores the groups of the first, and undoes that to those of the second', async () => {
      await shellIn(store.data, 'mkdir d; echo x > d/1; ln d/1 d/2; cp -a d/1 d/3; ln d/3 d/4')
      const older = await store.snapshot()
      await shellIn(store.data, 'mv d/2 d/t; mv d/4 d/2; mv d/t d/4')
      const swapped = walkTree(store.data)
      await store.run(['restore', older, '--yes'])
      expect(compareTrees(walkTree(store.dataIn(older)), walkTree(store.data))).to.deep.equal([])
      await store.run(['restore', '--undo', '--yes'])
      expect(compareTrees(swapped, walkTree(store.data))).to.deep.equal([])
    })
  })
}
