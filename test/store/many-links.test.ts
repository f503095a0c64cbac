import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { engines } from '../support/engines.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'

/** ext4 allows 65,000 names of a file. */
const mostNames = 65_000
const fillUp = `
perl -e '
  mkdir "links" or die $!;
  my $file = shift;
  my $left = ${mostNames} - (lstat $file)[3];
  for (1 .. $left) { link $file, "links/$_" or die "$_: $!" }
' "$file"`

for (const engine of engines) {
  describe(`When a file of the base has 65,000 names on ext4 (engine ${engine})`, function () {
    this.timeout(120_000)

    let filesystem: LoopFilesystem
    let store: TestStore

    before(async function () {
      filesystem = await loopOrSkip(this, 'ext4', { sizeMiB: 128 })
      store = await makeStore({ on: filesystem.path, env: { SNAP_ENGINE: engine } })
      await shellIn(store.data, 'echo other > other')
      // else it is compared by content, and nobody knows that it was unchanged
      await untilAllIsOld(store.data)
      const base = await store.snapshot()
      await shellIn(filesystem.path, `file=${store.dataIn(base)}/hello.txt; ${fillUp}`)
    })

    after(async () => {
      await store?.remove()
      await filesystem?.remove()
    })

    const newest = (): string => store.snapshotNames().at(-1) ?? ''

    it('the next snapshot copies it, and is equal to the source', async () => {
      const { stdout, stderr } = await store.run(['snapshot', '--json'])
      expect(
        compareTrees(walkTree(store.data), walkTree(store.dataIn(newest()))),
        stdout + stderr,
      ).to.deep.equal([])
      expect(lstatSync(join(store.dataIn(newest()), 'hello.txt')).nlink).to.equal(1)
      expect(lstatSync(join(store.dataIn(newest()), 'other')).nlink).to.equal(2)
    })

    if (engine === 'link') {
      it('the next snapshot says so and exits with 3', async () => {
        await shellIn(
          filesystem.path,
          `rm -r links; file=${store.dataIn(newest())}/hello.txt; ${fillUp}`,
        )
        const { exitCode, stderr } = await store.run(['snapshot'])
        expect(stderr).to.match(
          /^warning: data: 1 unchanged file was copied, because the filesystem allows no more links/m,
        )
        expect(exitCode).to.equal(3)
      })
    }

    it('the one after that shares it again', async () => {
      const before = newest()
      const name = await store.snapshot()
      const inodes = [before, name].map(
        (one) => lstatSync(join(store.dataIn(one), 'hello.txt')).ino,
      )
      expect(inodes[0]).to.equal(inodes[1])
    })
  })
}

for (const engine of engines) {
  describe(`When a live file of a link group has 65,000 names on ext4 (engine ${engine})`, function () {
    this.timeout(120_000)

    let filesystem: LoopFilesystem
    let store: TestStore

    before(async function () {
      filesystem = await loopOrSkip(this, 'ext4', { sizeMiB: 128 })
      store = await makeStore({ on: filesystem.path, env: { SNAP_ENGINE: engine } })
    })

    after(async () => {
      await store?.remove()
      await filesystem?.remove()
    })

    it('a restore makes a file of its own for the group, and leaves the other names', async () => {
      await shellIn(store.data, 'ln hello.txt second; ln hello.txt third')
      const name = await store.snapshot()
      await shellIn(store.data, 'rm second')
      await shellIn(filesystem.path, `file=${store.data}/hello.txt; ${fillUp}`)
      await untilAllIsOld(store.data)
      const { exitCode, stderr } = await store.run(['restore', name, '--yes'])
      expect(exitCode, stderr).to.equal(0)
      expect(compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))).to.deep.equal([])
      const counts = await shellIn(filesystem.path, `stat -c %h ${store.data}/second links/1`)
      expect(counts).to.equal(`3\n${mostNames - 2}`)
    })
  })
}
