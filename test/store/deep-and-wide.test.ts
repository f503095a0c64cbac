import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Finished, lastDocumentOf } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { howOften } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore, useStore } from '../support/test-store.ts'

const wideEntries = howOften(100_000, 30_000)
const depth = 500

/**
 * Makes a chain of directories with names so long; its last path may be longer than mkdir(2) takes.
 */
const makeChain = (levels: number, nameBytes: number): string => `
perl -e '
  my $name = "d" x ${nameBytes};
  mkdir "deep" and chdir "deep" or die $!;
  for (1 .. ${levels}) { mkdir $name and chdir $name or die $! }
  open my $file, ">", "file" or die $!;
  print $file "at the end";
'`

/** 3,499 bytes below the root: with the way to it, less than the 4,095 that rsync takes. */
const deepDirectory = `deep${'/dddddd'.repeat(depth - 1)}`
const deepFile = `${deepDirectory}/dddddd/file`

const fill = `
${makeChain(depth, 6)}
mkdir wide
cd wide
seq ${wideEntries} | xargs touch
echo content > 22222`

const change = `
echo changed > wide/22222
rm wide/12345
echo new > wide/new
echo more >> ${deepFile}
mkdir ${deepDirectory}/new`

interface Result {
  snapshot: { name: string; volumes: { contents: Record<string, number> }[] }
}

/**
 * What the walker does not do in time for so many files, and getfattr(1) not at all for such long
 * paths.
 */
async function expectEqual(wanted: string, actual: string): Promise<void> {
  const options = ['-aHAXS', '-@-1', '--checksum', '--delete', '--dry-run', '--itemize-changes']
  const { stdout } = await execa('rsync', [...options, `${wanted}/`, `${actual}/`])
  expect(stdout).to.equal('')
}

describe(`A chain of ${depth} directories beside one with ${wideEntries} entries`, function () {
  this.timeout(120_000)

  let store: TestStore
  let names: string[]

  before(async () => {
    store = await makeStore({ env: { SNAP_ENGINE: 'link' } })
    await shellIn(store.data, fill)
    names = []
  })

  after(() => store?.remove())

  async function snapshot(): Promise<Record<string, number> | undefined> {
    const finished: Finished = await store.run(['snapshot', '--json'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    const { snapshot: taken } = lastDocumentOf(finished) as unknown as Result
    names.push(taken.name)
    return taken.volumes[0]?.contents
  }

  it('is in the first snapshot', async () => {
    expect(await snapshot()).to.include({ files: wideEntries + 2, directories: depth + 3 })
    await expectEqual(store.data, store.dataIn(names[0] ?? ''))
  })

  it('is shared by the next', async () => {
    expect(await snapshot()).to.include({ files: wideEntries + 2, addedFiles: 0 })
    await expectEqual(store.data, store.dataIn(names[1] ?? ''))
  })

  it('is in the one after with what changed at the end of the chain and among the entries', async () => {
    await shellIn(store.data, change)
    expect(await snapshot()).to.include({ files: wideEntries + 2, addedFiles: 3 })
    await expectEqual(store.data, store.dataIn(names[2] ?? ''))
    const before = await shellIn(store.dataIn(names[1] ?? ''), `cat wide/22222 ${deepFile}`)
    expect(before).to.equal('content\nat the end')
  })

  it('is as it was after a restore', async () => {
    const { exitCode, stderr } = await store.run(['restore', names[1] ?? '', '--yes'])
    expect(exitCode, stderr).to.equal(0)
    await expectEqual(store.dataIn(names[1] ?? ''), store.data)
  })
})

describe('A path longer than the 4,096 bytes that rsync takes', () => {
  const store = useStore({ env: { SNAP_ENGINE: 'link' } })

  it('fails the snapshot with the path, and older ones are kept', async () => {
    const older = await store.snapshot()
    await shellIn(store.data, makeChain(25, 200))
    const finished = await store.run(['snapshot'])
    expectRefusal(finished, 1, /(overflows max-path len|link_stat) .*deep\/ddd/)
    expect(store.snapshotNames()).to.deep.equal([older])
    expect(store.leftIn('staging')).to.deep.equal([])
  })

  it('is not in the way once it is gone', async () => {
    await shellIn(store.data, makeChain(25, 200))
    await store.run(['snapshot'])
    await shellIn(store.data, 'rm -r deep')
    const name = await store.snapshot()
    expect(await shellIn(join(store.dataIn(name)), 'ls')).to.equal('hello.txt')
  })
})
