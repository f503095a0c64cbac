import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ActionEvent } from '../../src/actions/events.ts'
import { restore } from '../../src/actions/restore/restore.ts'
import type { RecordWarning } from '../../src/store/record.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

const keptDirectory = '.snap-volume.kept.'

/** They are cloned where the filesystem can, and small files never. */
const largeFiles: ReadonlySet<string> = new Set(['large', 'd/unchanged'])

const tree = `
mkdir -p d/deep; echo one > file; echo one > d/same; echo one > d/deep/file
head -c 200000 <(yes one) > large; head -c 200000 <(yes one) > d/unchanged; mkdir empty
ln -s nowhere link`

/** What a restore replaces or deletes anyway: it is in the safety snapshot. */
const damage = `
echo two, longer > file; echo two > d/same; rm -f d/deep/file; head -c 200000 <(yes two) > large
mkdir -p added/deep; echo added > added/deep/file; ln -sfn elsewhere link`

/** By what is done after the safety snapshot: the paths with contents that no snapshot has. */
const changes: Record<string, { script: string; paths: string[] }> = {
  'a line that is appended to a file it replaces': {
    script: 'echo three >> file',
    paths: ['file'],
  },
  'a line that is appended to a file it has no reason to replace': {
    script: 'echo three >> d/unchanged',
    paths: ['d/unchanged'],
  },
  'a line that is appended to a large file it replaces': {
    script: 'echo three >> large',
    paths: ['large'],
  },
  'a line that is appended to a file it deletes': {
    script: 'echo three >> added/deep/file',
    paths: ['added/deep/file'],
  },
  'a file that is created in a directory it deletes': {
    script: 'echo three > added/deep/new',
    paths: ['added/deep/new'],
  },
  'a file that is created in a directory it keeps': {
    script: 'echo three > d/new',
    paths: ['d/new'],
  },
  'a file that is created in a new directory': {
    script: 'mkdir -p new/deep; echo three > new/deep/file',
    paths: ['new/deep/file'],
  },
  'a file that is deleted and made again': {
    script: 'rm file; echo three > file',
    paths: ['file'],
  },
  'a file that is overwritten with as many bytes at the same time of modification': {
    script: 'touch -r d/same time; echo six > d/same; touch -r time d/same; rm time',
    paths: ['d/same'],
  },
  'a file that is created where the snapshot has another one': {
    script: 'echo three > d/deep/file',
    paths: ['d/deep/file'],
  },
  'a symlink that is changed': { script: 'ln -sfn third link', paths: ['link'] },
  'two files that change in two directories': {
    script: 'echo three >> d/same; echo three >> large',
    paths: ['d/same', 'large'],
  },
}

type Contents = Record<string, string | undefined>

for (const type of ['ext4', 'xfs'] as const) {
  describe(`After the safety snapshot of a restore on ${type}`, () => {
    let filesystem: LoopFilesystem
    let store: InProcessStore
    let snapshot: string

    before(async function () {
      filesystem = await loopOrSkip(this, type)
      store = makeInProcessStore('link', 5, filesystem.path)
      await shellIn(store.data, tree)
      await untilAllIsOld(store.data)
      snapshot = (await store.snapshot()).name
    })

    after(async () => {
      await store?.remove()
      await filesystem?.remove()
    })

    beforeEach(() => shellIn(store.data, damage))

    afterEach(() => shellIn(store.data, `rm -rf ${keptDirectory}*`))

    /** Restores, and changes the data as soon as the safety snapshot is published. */
    async function restoreDuring(
      script: string,
      look: () => void = () => undefined,
    ): Promise<RecordWarning[]> {
      const emitted: RecordWarning[] = []
      const emit = (event: ActionEvent): void => {
        if (event.type === 'warning') emitted.push(event)
        if (event.type !== 'published' || event.kind !== 'safety') return
        execFileSync('bash', ['-euc', script], { cwd: store.data })
        look()
      }
      const options = { undo: false, reference: snapshot, volumes: [], readAll: false }
      await restore({ ...store.context, emit }, options)
      return emitted.filter(({ code }) => code === 'kept-aside')
    }

    const keptDirectories = (): string[] =>
      readdirSync(store.data).filter((name) => name.startsWith(keptDirectory))

    /**
     * Of each entry that is no directory, its content or target, by its path below a directory of
     * kept entries.
     */
    function kept(): Contents {
      return Object.fromEntries(
        keptDirectories().flatMap((name) => contentsOf(walkTree(join(store.data, name)))),
      )
    }

    function expectRestored(): void {
      const live = new Map(
        [...walkTree(store.data)].filter(([path]) => !path.startsWith(keptDirectory)),
      )
      expect(compareTrees(walkTree(store.dataIn(snapshot)), live)).to.deep.equal([])
    }

    for (const [what, { script, paths }] of Object.entries(changes)) {
      if (type === 'xfs' && !paths.some((path) => largeFiles.has(path))) continue
      it(`${what} is kept aside, and named`, async () => {
        let changed: Contents = {}
        const warnings = await restoreDuring(script, () => {
          changed = Object.fromEntries(contentsOf(walkTree(store.data)))
        })
        expectRestored()
        const expected = Object.fromEntries(paths.map((path) => [path, changed[path]]))
        expect(kept(), 'kept').to.deep.equal(expected)
        expect(warnings.flatMap(({ paths: named = [] }) => named).toSorted()).to.deep.equal(paths)
      })
    }

    it('nothing is kept aside where nothing changes', async () => {
      const warnings = await restoreDuring('true')
      expectRestored()
      expect({ warnings, kept: keptDirectories() }).to.deep.equal({ warnings: [], kept: [] })
    })
  })
}

function contentsOf(tree: Tree): [path: string, content: string | undefined][] {
  return [...tree]
    .filter(([, { type }]) => type !== 'directory')
    .map(([path, { content, symlink }]) => [path, content ?? symlink])
}
