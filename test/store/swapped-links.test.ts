import { mkdirSync, readdirSync, readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { prune } from '../../src/actions/store/prune.ts'
import { restore } from '../../src/actions/restore/restore.ts'
import { OperationError } from '../../src/errors.ts'
import { engines } from '../support/engines.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { describeSample, roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { startSwapping, whyNoSwapper } from './support/swapper.ts'

const rounds = roundsOf(20, 8)

/** The canary has what the victim has, so that a path into the one leads into the other too. */
const fill = (word: string): string => `
mkdir -p deep/deeper
for f in $(seq 60); do echo ${word}-$f > $f; echo ${word}-deep-$f > deep/$f; done
echo ${word} > deep/deeper/file
ln 1 deep/one`

describeSample({ tests: 3 }, 'While a directory is exchanged for a link outside', function () {
  this.timeout(300_000)

  let store: InProcessStore
  let outside: string
  let untouched: Tree
  let stop: () => Promise<void>

  before(function () {
    const reason = whyNoSwapper()
    if (reason !== undefined) skipBecause(this, reason)
  })

  /**
   * XFS alone leaves the ctimes of two entries of one directory as they are when they are
   * exchanged.
   */
  const kinds = [
    ...engines.map((engine) => ({ engine, type: undefined })),
    { engine: 'link' as const, type: 'xfs' as const },
  ]

  for (const { engine, type } of kinds) {
    describe(`engine ${engine}${type === undefined ? '' : ` on ${type}`}`, () => {
      let filesystem: LoopFilesystem | undefined

      before(async function () {
        if (type !== undefined) filesystem = await loopOrSkip(this, type)
      })

      after(() => filesystem?.remove())

      beforeEach(async () => {
        store = makeInProcessStore(engine, 4, filesystem?.path)
        outside = join(store.data, '../outside')
        mkdirSync(outside)
        mkdirSync(join(store.data, 'victim'))
        await shellIn(outside, fill('CANARY'))
        await shellIn(join(store.data, 'victim'), fill('inside'))
        await shellIn(store.data, `ln -s ${outside} trap; echo x > file`)
        untouched = walkTree(outside)
        stop = () => Promise.resolve()
      })

      afterEach(async () => {
        await stop()
        const home = dirname(store.data)
        await store.remove()
        expect(
          openFiles().filter((path) => path.startsWith(home)),
          'left open',
        ).to.deep.equal([])
      })

      it('never reads what is there into a snapshot', async () => {
        stop = await startSwapping(store.data, 'victim', 'trap')
        const taken = await repeat(async () => {
          const { name } = await store.snapshot()
          await expectNoCanary(store.dataIn(name))
        })
        expectOutsideUntouched()
        await stop()
        const { name } = await store.snapshot()
        const differences = compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))
        expect(differences, `the one after it, and ${taken} before`).to.deep.equal([])
      })

      it('never writes or deletes there by a restore', async () => {
        const { name } = await store.snapshot()
        await shellIn(
          store.data,
          'cd victim; rm -r deep; echo damaged > 2; echo extra > extra; mkdir 3.d; chmod 600 4',
        )
        stop = await startSwapping(store.data, 'victim', 'trap')
        await repeat(async () => {
          await restore(store.context, {
            undo: false,
            reference: name,
            volumes: [],
            readAll: false,
          })
        })
        expectOutsideUntouched()
        await stop()
        await restore(store.context, { undo: false, reference: name, volumes: [], readAll: false })
        const differences = compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))
        expect(differences, 'the one after it').to.deep.equal([])
      })

      it('never deletes there by a prune', async () => {
        await repeat(async () => {
          const { name } = await store.snapshot()
          await store.snapshot()
          stop = await startSwapping(store.dataIn(name), 'victim', 'trap')
          try {
            const config = { ...store.context.config, maxSnapshots: 1 }
            await prune({ ...store.context, config }, { yes: true })
          } finally {
            await stop()
          }
        })
        expectOutsideUntouched()
      })
    })
  }

  function expectOutsideUntouched(): void {
    expect(compareTrees(untouched, walkTree(outside))).to.deep.equal([])
  }
})

/** Of this process: a sidecar would keep a volume from being unmounted. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`)
    } catch {
      // that of the list itself
      return ''
    }
  })
}

async function expectNoCanary(directory: string): Promise<void> {
  const { stdout } = await execa('grep', ['-rl', 'CANARY', directory], { reject: false })
  expect(stdout, 'what is outside is in the snapshot').to.equal('')
}

/**
 * What is swapped meanwhile may be refused, but only with words that were meant for that. Gives how
 * many were not.
 */
async function repeat(act: () => Promise<void>): Promise<number> {
  let done = 0
  for (let round = 0; round < rounds; round += 1) {
    try {
      await act()
      done += 1
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
    }
  }
  return done
}
