import { closeSync, fdatasyncSync, lstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { remountFresh } from './support/remount.ts'

/** Runs a program as if the kernel had been started anew. */
const afterBoot = (bootFile: string): string[] => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"',
  bootFile,
]

for (const type of ['ext4', 'xfs'] as const) {
  describe(`A power cut that takes back the times of a file on ${type}, and not what fdatasync(2) wrote`, () => {
    let mounted: LoopFilesystem
    let store: TestStore
    let file: string

    before(async function () {
      mounted = await loopOrSkip(this, type)
    })

    beforeEach(async () => {
      store = await makeStore({ dataOn: mounted.path, env: { SNAP_ENGINE: 'link' } })
      file = join(store.data, 'hello.txt')
      await untilAllIsOld(store.data)
      await store.snapshot()
      const before = lstatSync(file, { bigint: true }).ctimeNs
      writeDurably(file, 'HELLO\n')
      await execa('xfs_io', ['-x', '-c', 'shutdown', mounted.path])
      await remountFresh(mounted.path)
      expect(lstatSync(file, { bigint: true }).ctimeNs, 'ctime').to.equal(before)
      expect(readFileSync(file, 'utf8')).to.equal('HELLO\n')
    })

    afterEach(() => store?.remove())
    after(() => mounted?.remove())

    const options = async () => {
      const bootFile = `${store.directory}.boot`
      await writeFile(bootFile, '01234567-89ab-cdef-0123-456789abcdef\n')
      return { through: afterBoot(bootFile) }
    }

    it('keeps no snapshot after it from having that', async () => {
      const { exitCode, stderr } = await store.run(['snapshot'], await options())
      expect(exitCode, stderr).to.equal(0)
      const [older = '', newer = ''] = store.snapshotNames()
      expect(readFileSync(join(store.dataIn(older), 'hello.txt'), 'utf8')).to.equal('hello\n')
      expect(readFileSync(join(store.dataIn(newer), 'hello.txt'), 'utf8')).to.equal('HELLO\n')
    })

    it('keeps no restore from putting back what was there before', async () => {
      const [name = ''] = store.snapshotNames()
      const { exitCode, stderr } = await store.run(['restore', name, '--yes'], await options())
      expect(exitCode, stderr).to.equal(0)
      expect(readFileSync(file, 'utf8')).to.equal('hello\n')
    })
  })
}

function writeDurably(file: string, content: string): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, content)
  fdatasyncSync(descriptor)
  closeSync(descriptor)
}
