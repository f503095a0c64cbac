import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { shellIn } from '../support/shell.ts'
import { makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const env = { SNAP_ENGINE: 'link' }

const tree = String.raw`
for d in a b c; do mkdir $d; for f in 1 2 3; do echo "$d$f" > $d/$f; done; done
ln a/1 b/linked; ln -s a link; echo odd > $'odd\xff\n'
find . -exec touch -h -d '2020-01-01T00:00:00.000000001Z' {} +`

const changes = `
cp -a a/2 ../reference; printf X | dd of=a/2 conv=notrunc status=none; touch -r ../reference a/2
chmod 600 b/1; mv c d; rm b/3; echo new > b/new`

/** What can have happened to the index beside the base. */
const damages: Record<string, (index: string) => Promise<unknown>> = {
  'is missing': (index) => rm(index),
  'is empty': (index) => truncate(index, 0),
  'is cut off in the middle': (index) => truncate(index, 100),
  'is cut off by one byte': (index) => truncate(index, readFileSync(index).length - 1),
  'has a flipped bit in the length of a name': (index) => flip(index, -3),
  'has flipped bits everywhere': async (index) => {
    const content = readFileSync(index)
    for (let at = 24; at < content.length; at += 7)
      content.writeUInt8(content.readUInt8(at) ^ 0x10, at)
    await writeFile(index, content)
  },
  'has something behind it': (index) => writeFile(index, 'more', { flag: 'a' }),
  'is a text': (index) => writeFile(index, 'hello\n'),
  'is the record': (index) => copyFile(join(index, '../.snapshot.json'), index),
  'is a directory': async (index) => {
    await rm(index)
    await mkdir(index)
  },
  'is a link to itself': async (index) => {
    await rm(index)
    await symlink(index, index)
  },
  'is that of another volume': async (index) => {
    const other = await makeStore({ env })
    try {
      await shellIn(other.data, tree)
      const name = await other.snapshot()
      await copyFile(join(other.directory, name, '.snapshot.index.data'), index)
    } finally {
      await other.remove()
    }
  },
}

async function flip(file: string, position: number): Promise<void> {
  const content = readFileSync(file)
  const at = (position + content.length) % content.length
  content.writeUInt8(content.readUInt8(at) ^ 0xff, at)
  await writeFile(file, content)
}

describe('The index of what the scan saw', () => {
  const store = useStore({ env })
  let base: string

  beforeEach(async () => {
    await shellIn(store.data, tree)
    base = await store.snapshot()
  })

  const indexOf = (name: string): string => join(store.directory, name, '.snapshot.index.data')
  const inodeIn = (name: string, path: string): bigint =>
    lstatSync(join(store.dataIn(name), path), { bigint: true }).ino

  it('is beside the newest snapshot only', async () => {
    const second = await store.snapshot()
    const third = await store.snapshot()
    const are = [base, second, third].map((name) => existsSync(indexOf(name)))
    expect(are).to.deep.equal([false, false, true])
  })

  it('is for root alone', () => {
    expect(lstatSync(indexOf(base)).mode & 0o777).to.equal(0o600)
  })

  it('stays beside the base when a snapshot is not published', async () => {
    const moved = `${store.data}.moved`
    await rename(store.data, moved)
    await mkdir(store.data)
    const { exitCode } = await store.run(['snapshot'])
    expect(exitCode).to.equal(1)
    expect(existsSync(indexOf(base))).to.equal(true)
  })

  for (const [how, damage] of Object.entries(damages)) {
    describe(`when it ${how}`, () => {
      it('lets the next snapshot be right, and share what did not change', async () => {
        await damage(indexOf(base))
        await shellIn(store.data, changes)
        const before = walkTree(store.dataIn(base))
        const name = await store.snapshot()
        expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
        expect(compareTrees(before, walkTree(store.dataIn(base))), 'base').to.deep.equal([])
        expect(inodeIn(name, 'a/3')).to.equal(inodeIn(base, 'a/3'))
      })
    })
  }
})
