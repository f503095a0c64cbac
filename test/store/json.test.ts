import { lstatSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  type Environment,
  documentsOf,
  lastDocumentOf,
  launchCli,
  programFile,
} from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

/** Whether the fraction of a volume is ever less than it was, within a phase. */
function goesBack(documents: readonly Record<string, unknown>[]): boolean {
  let before = 0
  return documents.some(({ type, fraction }) => {
    const isBack = type === 'progress' && Number(fraction) < before
    if (type === 'phase') before = 0
    if (type === 'progress') before = Number(fraction)
    return isBack
  })
}

describe('--json', () => {
  let store: TestStore
  let name: string

  before(async () => {
    store = await makeStore({ env: { SNAP_CRON: '0 3 1 1 *' } })
    name = await store.snapshot('-m', 'a comment', '--pin', '--label', 'ticket=4711')
    await writeFile(join(store.data, 'added.txt'), 'added\n')
  })

  after(() => store.remove())

  const oneDocument = [
    ['help'],
    ['help', 'restore'],
    ['completion', 'bash'],
    ['version'],
    ['show'],
    ['show', '-a'],
    ['show', 'latest'],
    ['samba-config'],
    ['prune', '--dry-run'],
  ]
  for (const words of oneDocument) {
    it(`of ${words.join(' ')} is one document and nothing else`, async () => {
      const finished = await store.run([...words, '--json'])
      expect(documentsOf(finished)).to.have.length(1)
      expect(finished.stderr).to.equal('')
      expect(finished.exitCode).to.equal(0)
    })
  }

  const manyLines = [
    ['snapshot'],
    ['restore', 'latest', '--dry-run'],
    ['restore', 'latest', '--yes'],
    ['restore', '--undo'],
    ['prune'],
  ]
  for (const words of manyLines) {
    it(`of ${words.join(' ')} is a line an event and ends with the result`, async () => {
      const finished = await store.run([...words, '--json'])
      const documents = documentsOf(finished)
      expect(documents.at(-1)?.['type']).to.equal('result')
      expect(documents.filter(({ type }) => typeof type !== 'string')).to.deep.equal([])
      expect(finished.stderr).to.equal('')
    })
  }

  it('of a restore has its warnings before the result', async () => {
    const env = { SNAP_POST_RESTORE: 'exit 7' }
    const finished = await store.run(['restore', 'latest', '--yes', '--json'], { env })
    expect(finished.exitCode).to.equal(3)
    const types = documentsOf(finished).map(({ type }) => type)
    expect(types.at(-1)).to.equal('result')
    expect(types).to.include('warning')
  })

  for (const [where, host] of [
    ['here', undefined],
    ['over HTTP', () => `unix://${store.directory}/.snap-volume/control.sock`],
  ] as const) {
    it(`has little progress ${where}, which never goes back and ends with the end`, async () => {
      const daemon = host === undefined ? undefined : await store.startDaemon()
      const env: Environment = host === undefined ? {} : { SNAP_HOST: host() }
      await shellIn(store.data, 'rm -f l-*; seq 500 | xargs touch; seq 99 | xargs -I N ln N l-N')
      for (const words of [['snapshot'], ['restore', 'latest~1', '--yes'], ['restore', '--undo']]) {
        const beganMs = performance.now()
        const documents = documentsOf(await store.run([...words, '--json'], { env }))
        const most = 4 * Math.ceil((performance.now() - beganMs) / 1000)
        const all = documents.filter(({ type }) => type === 'progress')
        expect(all.length, words.join(' ')).to.be.within(1, most)
        expect(all.at(-1), words.join(' ')).to.include({ fraction: 1 })
        expect(goesBack(documents), words.join(' ')).to.equal(false)
      }
      await daemon?.stop()
    })
  }

  it('of start is a line a log entry', async () => {
    const daemon = launchCli(['start', store.spec, '--json'], { env: store.env })
    await daemon.line(/"message":"started/)
    await daemon.stop()
    const entries = documentsOf({ exitCode: 0, stdout: daemon.output(), stderr: '' })
    expect(new Set(entries.map(({ type }) => type))).to.deep.equal(new Set(['log']))
  })

  it('of a failure is a document with the message and the exit code', async () => {
    const finished = await store.run(['restore', 'nonsense', '--json'])
    expect(lastDocumentOf(finished)).to.include({ type: 'error', exitCode: 1 })
  })

  it('of a failure has what to do about it as a field', async () => {
    const { message, fix } = lastDocumentOf(await store.run(['restore', 'nonsense', '--json']))
    expect(fix).to.match(/^see "snap-volume show"/)
    expect(message).to.equal(`there is no snapshot "nonsense": ${String(fix)}`)
  })

  it('of show -a has what the text has', async () => {
    const { stdout } = await store.run(['show', '-a'])
    const document = lastDocumentOf(await store.run(['show', '-a', '--json']))
    const leaves = JSON.stringify(document)
    for (const fact of [store.directory, store.data, '0 3 1 1 *', 'GMT', '128', name]) {
      expect(stdout, 'text').to.include(fact)
      expect(leaves, 'JSON').to.include(fact)
    }
  })

  it('of show SNAPSHOT has its comment, pin, labels, counts and directory', async () => {
    const document = lastDocumentOf(await store.run(['show', name, '--json']))
    expect(document).to.deep.include({
      name,
      kind: 'manual',
      comment: 'a comment',
      pinned: true,
      labels: { ticket: '4711' },
      directory: join(store.directory, name),
    })
    const [volume] = document['volumes'] as { contents: object }[]
    const addedBytes = lstatSync(join(store.data, 'hello.txt')).blocks * 512
    expect(volume?.contents).to.include({ files: 1, bytes: 6, addedFiles: 1, addedBytes })
  })

  it('of prune --dry-run has a reason for every snapshot', async () => {
    const document = lastDocumentOf(await store.run(['prune', '--dry-run', '--json']))
    const plan = document['plan'] as { name: string; keep: boolean; reason: string }[]
    expect(plan.map((decision) => decision.name)).to.deep.equal(store.snapshotNames())
    expect(plan.filter(({ reason }) => reason === '')).to.deep.equal([])
  })
})

describe('What is printed', () => {
  it('reaches a slow reader whole, also when it is more than a pipe holds', async () => {
    const store = await makeStore()
    try {
      const name = await store.snapshot()
      await shellIn(
        store.directory,
        `for number in $(seq 10 59); do
          copy=@GMT-2024.01.01-00.00.$number
          cp -a ${name} $copy
          sed -i 's/${name}/'$copy'/; s/"comment": *[^,]*/"comment": "'$(printf '%04000d' 0)'"/' $copy/.snapshot.json
        done`,
      )
      const program = `SNAP_DIR=${store.directory} ${process.execPath} ${programFile} show --json`
      const whole = await shellIn('/', program)
      expect(whole.length).to.be.greaterThan(2 * 65_536)
      expect(await shellIn('/', `${program} | (sleep 1; cat)`)).to.equal(whole)
    } finally {
      await store.remove()
    }
  })
})
