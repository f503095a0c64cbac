import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { engines } from '../support/engines.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { type UnansweredMount, mountUnanswered, whyNoFuse } from './support/unanswered-mount.ts'

/** Whoever looks at one that hangs waits for up to 40 s. */
const longestMs = 20_000

const mounts = [
  { state: 'dead', path: 'mount' },
  { state: 'hung', path: 'in/mount' },
] as const

for (const engine of engines) {
  for (const { state, path } of mounts) {
    describe(`A ${state} FUSE mount inside the data (engine ${engine})`, function () {
      this.timeout(90_000)
      let store: TestStore
      let mount: UnansweredMount

      before(async function () {
        const reason = await whyNoFuse()
        if (reason !== undefined) skipBecause(this, reason)
      })

      beforeEach(async () => {
        store = await makeStore({ env: { SNAP_ENGINE: engine } })
        await shellIn(store.data, `mkdir -p in ${path}; echo one > in/file; ln in/file other`)
        await store.snapshot()
        mount = await mountUnanswered(join(store.data, path), true)
        if (state === 'dead') await mount.kill()
        await shellIn(store.data, 'echo two > in/file; chmod 750 in; echo new > new')
      })

      afterEach(async () => {
        await mount.remove()
        await store.remove()
      })

      it('is an empty directory in a snapshot of all else', async () => {
        const data = store.dataIn(await inTime(store.snapshot()))
        expect(readdirSync(join(data, path))).to.deep.equal([])
        expect(await shellIn(data, 'cat in/file other new; stat -c %a in')).to.equal(
          'two\ntwo\nnew\n750',
        )
        expect(lstatSync(join(data, 'in')).mtimeMs).to.equal(
          lstatSync(join(store.data, 'in')).mtimeMs,
        )
        const [first = ''] = store.snapshotNames()
        expect(lstatSync(join(data, 'hello.txt')).ino).to.equal(
          lstatSync(join(store.dataIn(first), 'hello.txt')).ino,
        )
      })

      it('is no part of a snapshot where SNAP_EXCLUDE names it, and neither is what else it names', async () => {
        const env = { SNAP_EXCLUDE: 'mount/|new' }
        const { exitCode, stderr } = await inTime(store.run(['snapshot'], { env }))
        expect(exitCode, stderr).to.equal(0)
        const data = store.dataIn(store.snapshotNames().at(-1) ?? '')
        const names = readdirSync(data, { recursive: true, encoding: 'utf8' })
        expect(names.toSorted()).to.deep.equal(['hello.txt', 'in', 'in/file', 'other'])
      })

      it('is left alone by a restore of all else, and by its plan', async () => {
        const [name = ''] = store.snapshotNames()
        for (const words of [['--dry-run'], ['--yes']]) {
          const { exitCode, stdout, stderr } = await inTime(store.run(['restore', name, ...words]))
          expect(exitCode, stderr).to.equal(0)
          expect(stdout + stderr).to.include(join(store.data, path))
        }
        expect(await shellIn(store.data, 'cat in/file other; stat -c %a in')).to.equal(
          'one\none\n755',
        )
        expect(readdirSync(store.data)).to.not.include('new')
      })
    })
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const startedMs = performance.now()
  const result = await work
  expect(performance.now() - startedMs, 'ms').to.be.lessThan(longestMs)
  return result
}
