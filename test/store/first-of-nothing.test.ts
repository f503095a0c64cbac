import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { DoctorFinding } from '../../src/actions/doctor/finding.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const nothing: [what: string, script: string][] = [
  ['with nothing in it', ''],
  ['with nothing but directories', 'mkdir -p lost+found one/two'],
]

for (const [what, script] of nothing) {
  describe(`A volume ${what}, of which no snapshot had files`, () => {
    let store: TestStore

    before(async () => {
      store = await makeStore()
      await rm(join(store.data, 'hello.txt'))
      await shellIn(store.data, script)
    })

    after(() => store.remove())

    it('is told of by start', async () => {
      const daemon = await store.startDaemon()
      await daemon.stop()
      expect(daemon.output()).to.match(/ warn +data: \S+ has no files: is it the volume you mean\?/)
    })

    it('is told of by doctor', async () => {
      const document = lastDocumentOf(await store.run(['doctor', '--json']))
      const found = (document['findings'] as DoctorFinding[]).find(({ message }) =>
        message.endsWith('has no files'),
      )
      expect(found).to.include({ level: 'note', subject: 'volume data' })
    })

    it('is told of by each snapshot, which is flagged', async () => {
      for (let times = 2; times > 0; times -= 1) {
        const { exitCode, stderr } = await store.run(['snapshot'])
        expect(stderr).to.match(/^warning: data: \S+ has no files: .*--allow-empty/m)
        expect(exitCode).to.equal(3)
      }
    })

    it('is told of by status', async () => {
      const document = lastDocumentOf(await store.run(['status', '--json']))
      const codes = (document['problems'] as { code: string }[]).map(({ code }) => code)
      expect(codes).to.deep.equal(['no-files'])
    })

    it('is not told of any more after --allow-empty', async () => {
      await store.snapshot('--allow-empty')
      await store.snapshot()
      const document = lastDocumentOf(await store.run(['status', '--json']))
      expect(document['problems']).to.deep.equal([])
    })
  })
}

describe('A volume with nothing but links, sockets and pipes', () => {
  it('is not taken for an empty one', async () => {
    const store = await makeStore()
    try {
      await shellIn(store.data, 'rm hello.txt; ln -s nowhere link; mkfifo pipe')
      await store.snapshot()
      const daemon = await store.startDaemon()
      await daemon.stop()
      expect(daemon.output()).not.to.include('has no files')
    } finally {
      await store.remove()
    }
  })
})
