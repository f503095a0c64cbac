import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Finished, lastDocumentOf, launchCli } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { describeSample, howOften, sample } from '../support/sample.ts'

/** Directories one in another, each with a file and what `beside` makes. */
const growDeep = (depth: number, beside = ''): string => `
perl -e '
  for my $level (1 .. ${depth}) {
    mkdir "d" and chdir "d" or die $!;
    open my $file, ">", "file" or die $!;
    print $file "at $level";
    ${beside}
  }'`

const leafBeside = `
    mkdir "leaf" or die $!;
    open my $leaf, ">", "leaf/file" or die $!;
    print $leaf "beside $level";`

const bottomOf = (depth: number): string => `${'d/'.repeat(depth)}file`

/** As a container has them that sets no limit of its own, or less. */
const fewDescriptors = ['prlimit', '--nofile=1024']

/** Paths as long as these are too long for the walker. */
async function expectEqual(wanted: string, actual: string): Promise<void> {
  const options = ['-aHAXS', '-@-1', '--checksum', '--delete', '--dry-run', '--itemize-changes']
  const { stdout } = await execa('rsync', [...options, `${wanted}/`, `${actual}/`])
  expect(stdout).to.equal('')
}

function nameIn(finished: Finished): string {
  expect(finished.exitCode, finished.stderr + finished.stdout).to.equal(0)
  const { snapshot } = lastDocumentOf(finished) as unknown as { snapshot: { name: string } }
  return snapshot.name
}

const shapes = [
  { what: 'A chain of 1,000 directories', depth: 1000, beside: '' },
  {
    what: 'A comb of 400 directories, each with another one in it',
    depth: 400,
    beside: leafBeside,
  },
]

for (const { what, depth, beside } of sample(shapes, howOften(2, 1), 'shapes')) {
  describe(`${what}, with no more than 1,024 descriptors,`, function () {
    this.timeout(180_000)

    let store: TestStore
    let names: string[]

    before(async () => {
      store = await makeStore({ env: { SNAP_ENGINE: 'link' } })
      names = []
      await shellIn(store.data, growDeep(depth, beside))
    })

    after(() => store?.remove())

    async function snapshot(): Promise<string> {
      const words = ['snapshot', '--json']
      const name = nameIn(await store.run(words, { through: fewDescriptors }))
      names.push(name)
      return store.dataIn(name)
    }

    it('is in the first snapshot', async () => {
      await expectEqual(store.data, await snapshot())
    })

    it('is in the next one, unchanged', async () => {
      await expectEqual(store.data, await snapshot())
    })

    it('is in the one after, with what changed at its bottom', async () => {
      await shellIn(store.data, `echo changed > ${bottomOf(depth)}`)
      await expectEqual(store.data, await snapshot())
    })

    it('is as it was after a restore', async () => {
      const words = ['restore', names[0] ?? '', '--yes']
      const { exitCode, stderr } = await store.run(words, { through: fewDescriptors })
      expect(exitCode, stderr).to.equal(0)
      await expectEqual(store.dataIn(names[0] ?? ''), store.data)
    })
  })
}

interface Act {
  /** How many are there before it; each has another bottom than the one before. */
  snapshots: number
  isBottomChanged?: true
  words: readonly string[]
}

const acts: readonly ({ act: string } & Act)[] = [
  { act: 'first snapshot', snapshots: 0, words: ['snapshot'] },
  { act: 'snapshot of what is unchanged', snapshots: 1, words: ['snapshot'] },
  {
    act: 'snapshot of a change at the bottom',
    snapshots: 1,
    isBottomChanged: true,
    words: ['snapshot'],
  },
  { act: 'plan of a restore', snapshots: 2, words: ['restore', 'latest~1', '--dry-run'] },
  { act: 'restore', snapshots: 2, words: ['restore', 'latest~1', '--yes'] },
]

describeSample({ tests: 1 }, 'How many files are opened for a chain of directories', function () {
  this.timeout(600_000)

  const [lower, higher] = [250, 1000]
  const mostForEach = 250
  let shallow: TestStore
  let deep: TestStore

  before(async function () {
    const why = await whyNoStrace()
    if (why !== undefined) skipBecause(this, why)
    shallow = await makeStore({ env: { SNAP_ENGINE: 'link' } })
    await shellIn(shallow.data, growDeep(lower))
    deep = await makeStore({ env: { SNAP_ENGINE: 'link' } })
    await shellIn(deep.data, growDeep(higher))
    // what is young is compared with the base by rsync, which opens that from its root for each
    // file
    for (const { data } of [shallow, deep]) await untilAllIsOld(data)
  })

  after(async () => {
    await shallow?.remove()
    await deep?.remove()
  })

  for (const { act, ...kind } of acts) {
    it(`grows no faster than the chain in a ${act}`, async () => {
      const few = await countFor(kind, shallow, lower)
      // else the deeper one would take many minutes
      expect(few / lower, `${few} opened for ${lower} directories`).to.be.below(mostForEach)
      const many = await countFor(kind, deep, higher)
      // 4 where each is opened as often, and 16 where each is reached from the root
      expect(many / few, `${many} opened beside ${few}`).to.be.below(8)
    })
  }
})

async function countFor(
  { snapshots, isBottomChanged, words }: Act,
  store: TestStore,
  depth: number,
): Promise<number> {
  while (store.snapshotNames().length < snapshots) {
    await changeBottom(store, depth)
    await store.snapshot()
  }
  if (isBottomChanged === true) await changeBottom(store, depth)
  return countOpened(store, words)
}

async function changeBottom({ data }: TestStore, depth: number): Promise<void> {
  await shellIn(data, `date +%N > ${bottomOf(depth)}`)
}

/** By the command and all that it starts. */
async function countOpened(store: TestStore, words: readonly string[]): Promise<number> {
  const summary = `${store.directory}.summary`
  const trace = ['-f', '-qq', '-c', '-o', summary, '--seccomp-bpf', '-e', 'open,openat,openat2']
  const command = launchCli(words, { env: store.env, through: ['strace', ...trace] })
  expect(await command.end(), command.output()).to.equal(0)
  return callsIn(readFileSync(summary, 'utf8'))
}

/** The sum of the calls in a summary of strace(1), where they are the fourth column. */
function callsIn(summary: string): number {
  return summary
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.at(-1)?.startsWith('open') === true)
    .reduce((sum, columns) => sum + Number(columns[3]), 0)
}
