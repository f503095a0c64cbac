import { join } from 'node:path'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { type Daemon, documentsOf, launchProgram } from '../support/cli.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { type Mounted, mountTmpfs } from '../support/mounts.ts'
import { type MountedPlace, loopOrSkip, mountPlace } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { describeSample } from '../support/sample.ts'

/** Changes of hello.txt that its size and time do not show. */
const changes = {
  'in the same second, to the same size': 'printf JELLO | dd of=hello.txt conv=notrunc status=none',
  'and got its time back': `
    cp -a hello.txt ../reference
    printf JELLO | dd of=hello.txt conv=notrunc status=none
    touch -r ../reference hello.txt`,
  'by a file of the same size and time that was moved over it': `
    cp -a hello.txt ../other
    printf JELLO | dd of=../other conv=notrunc status=none
    touch -r hello.txt ../other
    mv ../other hello.txt`,
  'by a swap of two directories with files of the same names, sizes and times':
    'mv 1 t; mv 2 1; mv t 2',
  'by a rename of its directory over an older one': 'rm -r 1; mv 2 1',
}

const twins = `
mkdir 1 2
echo one > 1/file; echo two > 2/file
touch -d '2020-01-01T00:00:00.000000001Z' 1/file 2/file 1 2`

describeSample({ tests: 2 }, 'Engine link captures a file that changed', () => {
  const store = useStore({ env: { SNAP_ENGINE: 'link' } })

  beforeEach(async () => {
    await shellIn(store.data, twins)
  })

  for (const [how, script] of Object.entries(changes)) {
    it(how, async () => {
      const older = await store.snapshot()
      const olderTree = walkTree(store.dataIn(older))
      await store.snapshot()
      await shellIn(store.data, script)
      const source = walkTree(store.data)
      const newer = await store.snapshot()
      expect(compareTrees(source, walkTree(store.dataIn(newer)))).to.deep.equal([])
      expect(compareTrees(olderTree, walkTree(store.dataIn(older))), 'older').to.deep.equal([])
    })
  }
})

async function pythonOrSkip(context: Mocha.Context): Promise<void> {
  const { failed } = await execa('python3', ['-c', 'import mmap'], { reject: false })
  if (failed) skipBecause(context, 'no python3 to write with')
}

/** Of a file that takes long to copy. */
const large = 'large'
const largeMiB = 64

/** Writes each number to the beginning of it and then to its end. */
const writer = `
import os
file = os.open('${large}', os.O_RDWR)
for number in range(10**15):
    for place in (0, ${largeMiB} * 1024 * 1024 - 15):
        os.pwrite(file, b'%015d' % number, place)
    if number == 0: print('writing', flush=True)
`

const mappedWriter = `
import mmap
with open('${large}', 'r+b') as file:
    memory = mmap.mmap(file.fileno(), 0)
    for number in range(10**15):
        memory[:15] = memory[-15:] = b'%015d' % number
        if number == 0: print('writing', flush=True)
`

/**
 * Has `script` write while a snapshot is taken, which says so where it has not the numbers of one
 * instant.
 */
async function expectTold(
  store: TestStore,
  script: string,
  env: Record<string, string> = {},
): Promise<void> {
  await writeFile(join(store.data, large), Buffer.alloc(largeMiB * 1024 * 1024, '0'))
  const writing = launchProgram(['python3', '-c', script], { cwd: store.data })
  try {
    await writing.line(/^writing$/)
    const result = documentsOf(await store.run(['snapshot', '--json'], { env })).at(-1)
    const { name, warnings } = (result as { snapshot: SnapshotRecord }).snapshot
    const content = readFileSync(join(store.dataIn(name), large), 'latin1')
    const [beginning, end] = [content.slice(0, 15), content.slice(-15)].map(Number)
    if (beginning === end || beginning === Number(end) + 1) return
    expect(warnings.map(({ code, paths }) => [code, paths])).to.deep.equal([['moving', [large]]])
  } finally {
    await writing.stop()
  }
}

describe('Engine link on an ext4 that has times of whole seconds', () => {
  let mounted: LoopFilesystem
  let store: TestStore

  before(async function () {
    mounted = await loopOrSkip(this, 'ext4', { sizeMiB: 256, inodeBytes: 128 })
  })

  beforeEach(async () => {
    store = await makeStore({ dataOn: mounted.path, env: { SNAP_ENGINE: 'link' } })
  })

  afterEach(() => store?.remove())
  after(() => mounted?.remove())

  it('says that a file may be half old which is written while it is copied', async function () {
    await pythonOrSkip(this)
    await expectTold(store, writer)
  })
})

/**
 * Maps `hello.txt` and for each line on its standard input writes a number into it, then prints a
 * line. The second store goes to a page that is dirty still, which moves no time of the file.
 */
const mapper = `
import mmap, sys
with open('hello.txt', 'r+b') as file:
    memory = mmap.mmap(file.fileno(), 0)
    for number in range(9):
        memory[0:1] = str(number).encode()
        print('stored', number, flush=True)
        sys.stdin.readline()
`

/** Into a page that is dirty still, with a snapshot after each. */
async function expectStores(store: TestStore, { line, write }: Daemon): Promise<void> {
  for (const number of [0, 1, 2]) {
    await line(new RegExp(`^stored ${number}$`))
    await untilAllIsOld(store.data)
    const name = await store.snapshot()
    const content = readFileSync(join(store.dataIn(name), 'hello.txt'), 'latin1')
    expect(content[0], `of snapshot ${number}`).to.equal(String(number))
    write('\n')
  }
}

const filesystems = ['ext4', 'xfs', 'btrfs'] as const

for (const type of filesystems) {
  describeSample({ tests: 2 }, `Engine link captures stores into a mapped file on ${type}`, () => {
    let mounted: MountedPlace
    let store: TestStore
    let mapping: Daemon | undefined

    before(async function () {
      await pythonOrSkip(this)
      // the store is elsewhere, where a sync for it does not write the data back
      mounted = await mountPlace(this, { title: '', store: type, data: type })
    })

    beforeEach(async () => {
      store = await makeStore({ dataOn: mounted.dataOn, env: { SNAP_ENGINE: 'link' } })
    })

    const startMapping = (): Daemon => {
      mapping = launchProgram(['python3', '-c', mapper], { cwd: store.data })
      return mapping
    }

    afterEach(async () => {
      await mapping?.stop()
      mapping = undefined
      await store?.remove()
    })

    after(() => mounted?.remove())

    it('that follow one another in one page', async () => {
      await expectStores(store, startMapping())
    })

    it('that come when all has been copied once and is held for the second look', async () => {
      const { line, write } = startMapping()
      const [began, goOn] = [`${store.directory}.began`, `${store.directory}.go-on`]
      await line(/^stored 0$/)
      const taking = store.run(['snapshot'], {
        env: { SNAP_PRE_SNAPSHOT: `touch ${began}; until [ -e ${goOn} ]; do sleep 0.05; done` },
      })
      while (!existsSync(began)) await sleep(20)
      write('\n')
      await line(/^stored 1$/)
      await writeFile(goOn, '')
      expect((await taking).exitCode).to.equal(0)
      const [name = ''] = store.snapshotNames()
      expect(readFileSync(join(store.dataIn(name), 'hello.txt'), 'latin1')).to.match(/^1/)
    })

    it('that go on while it is copied, and says that it may be half old', async () => {
      await expectTold(store, mappedWriter)
    })

    it('that go on when nobody who was asked to hold still writes any more', async () => {
      await expectTold(store, mappedWriter, { SNAP_PRE_SNAPSHOT: 'true' })
    })
  })
}

describe('Engine link captures stores into a mapped file in memory', () => {
  const env = { SNAP_ENGINE: 'link' }
  let memory: Mounted
  let store: TestStore | undefined
  let mapping: Daemon | undefined

  before(async function () {
    await pythonOrSkip(this)
    memory = await mountTmpfs('size=16m')
  })

  afterEach(async () => {
    await mapping?.stop()
    await store?.remove()
  })

  after(() => memory?.remove())

  const expectAllIn = async (dataOn: string): Promise<void> => {
    store = await makeStore({ dataOn, env })
    mapping = launchProgram(['python3', '-c', mapper], { cwd: store.data })
    await expectStores(store, mapping)
  }

  it('on a tmpfs', async () => {
    await expectAllIn(memory.path)
  })

  it('on an overlay of one', async function () {
    await shellIn(memory.path, 'mkdir lower upper work merged')
    const layers = 'lowerdir=lower,upperdir=upper,workdir=work'
    const mount = ['-t', 'overlay', 'overlay', '-o', layers, 'merged']
    const { failed, stderr } = await execa('mount', mount, { cwd: memory.path, reject: false })
    if (failed) skipBecause(this, `no overlay here: ${stderr}`)
    try {
      await expectAllIn(join(memory.path, 'merged'))
    } finally {
      await mapping?.stop()
      await store?.remove()
      store = undefined
      await execa('umount', [join(memory.path, 'merged')])
    }
  })
})
