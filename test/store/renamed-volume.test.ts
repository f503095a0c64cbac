import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Daemon, documentsOf, lastDocumentOf, startDaemon } from '../support/cli.ts'
import { engines } from '../support/engines.ts'
import { freePort } from '../support/free-port.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

describe('A volume that has another ID than in its snapshots', function () {
  this.timeout(60_000)

  let filesystem: LoopFilesystem
  let store: TestStore
  let daemon: Daemon | undefined

  before(async function () {
    // where a directory can be known again
    filesystem = await loopOrSkip(this, 'ext4')
  })

  afterEach(async () => {
    await daemon?.stop()
    daemon = undefined
    await store?.remove()
  })

  after(() => filesystem?.remove())

  async function makeFilled(env: Record<string, string> = {}): Promise<string> {
    store = await makeStore({ on: filesystem.path, env })
    for (let index = 0; index < 20; index += 1) write(`file-${index}`, 'good')
    return store.snapshot()
  }

  const write = (name: string, word: string): void => {
    writeFileSync(join(store.data, name), word)
  }

  async function startAs(...specs: string[]): Promise<void> {
    await (await startDaemon(specs, { env: store.env })).stop()
  }

  const restoreAs = ['--volume', 'data', '--as', 'web'] as const

  const differences = (name: string): string[] =>
    compareTrees(walkTree(store.dataIn(name)), walkTree(store.data))

  for (const engine of engines) {
    it(`shares its files with them, by ${engine}`, async () => {
      const first = await makeFilled({ SNAP_ENGINE: engine })
      if (engine === 'link') await store.prelink()
      await startAs(`web:${store.data}`)
      const result = lastDocumentOf(await store.run(['snapshot', '--json']))
      const { volumes } = result['snapshot'] as { volumes: Record<string, unknown>[] }
      expect(volumes[0]).to.include({ id: 'web', base: first, baseVolume: 'data' })
      expect(volumes[0]?.['contents']).to.include({ files: 21, addedFiles: 0 })
      // it has served
      expect(readdirSync(join(store.directory, first)).filter(isIndex)).to.deep.equal([])
      const { volumes: later } = lastDocumentOf(await store.run(['snapshot', '--json']))[
        'snapshot'
      ] as { volumes: Record<string, unknown>[] }
      expect(later[0]).not.to.have.property('baseVolume')
    })
  }

  it('does not share with the snapshots of another directory that had its ID', async () => {
    const first = await makeFilled()
    const other = `${store.data}.other`
    await mkdir(other)
    writeFileSync(join(other, 'file'), 'of another volume')
    await startAs(`other:${store.data}`, `data:${other}`)
    const result = lastDocumentOf(await store.run(['snapshot', '--json']))
    const { volumes } = result['snapshot'] as { volumes: { id: string; contents: object }[] }
    expect(volumes.map(({ id }) => id)).to.deep.equal(['other', 'data'])
    expect(volumes[0]).to.include({ base: first, baseVolume: 'data' })
    expect(volumes[0]?.contents).to.include({ addedFiles: 0 })
    expect(volumes[1]?.contents).to.include({ addedFiles: 1 })
  })

  it('gets one of them back, and --undo what that replaced', async () => {
    const first = await makeFilled()
    await startAs(`web:${store.data}`)
    write('file-3', 'bad')
    const damaged = walkTree(store.data)
    const finished = await store.run(['restore', first, ...restoreAs, '--yes'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    expect(finished.stdout).to.include(`web: ${store.data} is as the volume data was in ${first}`)
    expect(differences(first)).to.deep.equal([])

    expect((await store.run(['restore', '--undo', '--yes'])).exitCode).to.equal(0)
    expect(compareTrees(damaged, walkTree(store.data))).to.deep.equal([])
  })

  it('is named with both IDs in a plan, as text and as JSON, which changes nothing', async () => {
    const first = await makeFilled()
    await startAs(`web:${store.data}`)
    write('file-3', 'bad')
    const plan = await store.run(['restore', first, ...restoreAs, '--dry-run'])
    expect(plan.stdout).to.include(`web: ${store.data} would become as the volume data was in`)
    const document = lastDocumentOf(
      await store.run(['restore', first, ...restoreAs, '--dry-run', '--json']),
    )
    const volumes = document['volumes'] as { steps: object[] }[]
    expect(volumes[0]).to.include({ id: 'web', from: 'data', path: store.data })
    expect(volumes[0]?.steps).to.deep.include({ action: 'change', path: 'file-3' })
    expect(readFileSync(join(store.data, 'file-3'), 'utf8')).to.equal('bad')
  })

  it('is restored through a daemon on the network', async () => {
    const first = await makeFilled()
    const port = String(await freePort())
    const SNAP_TOKEN = 'a-token-of-these-tests'
    daemon = await startDaemon([`web:${store.data}`], {
      env: { ...store.env, SNAP_TOKEN, SNAP_LISTEN: `127.0.0.1:${port}` },
    })
    write('file-3', 'bad')
    const finished = await store.run(['restore', first, ...restoreAs, '--yes', '--json'], {
      env: { SNAP_TOKEN, SNAP_HOST: `127.0.0.1:${port}`, SNAP_DIR: '/nowhere' },
    })
    const result = documentsOf(finished).at(-1)
    expect(result?.['type'], finished.stdout + finished.stderr).to.equal('result')
    const [volume] = (result?.['volumes'] ?? []) as object[]
    expect(volume).to.include({ id: 'web', from: 'data' })
    expect(differences(first)).to.deep.equal([])
  })

  it('gets back paths, which name it by either ID, and no path of another volume', async () => {
    const first = await makeFilled()
    const other = `${store.data}.other`
    await mkdir(other)
    await startAs(`web:${store.data}`, `data:${other}`)
    for (const path of ['web:file-3', 'data:file-3', join(store.data, 'file-3')]) {
      write('file-3', 'bad')
      const finished = await store.run(['restore', first, ...restoreAs, path, '--yes'])
      expect(finished.exitCode, finished.stderr).to.equal(0)
      expect(readFileSync(join(store.data, 'file-3'), 'utf8')).to.equal('good')
    }
    const refused: [words: string[], message: RegExp][] = [
      [[...restoreAs, join(other, 'file-3')], /it goes into another volume: write web:PATH/],
      [[...restoreAs, 'data:'], /a path is empty/],
      [
        [...restoreAs, '--volume', 'web', '--as', 'data', 'data:file-3'],
        /data:file-3 may go into web or data: restore one volume after the other/,
      ],
    ]
    for (const [words, message] of refused) {
      expectRefusal(await store.run(['restore', first, ...words, '--yes']), 2, message)
    }
    expect(readdirSync(other)).to.deep.equal([])
  })

  it('is refused where that names no volume, and the way is named where it does', async () => {
    const first = await makeFilled()
    await startAs(`web:${store.data}`)
    const before = walkTree(store.data)
    const refused: [words: string[], exitCode: number, message: RegExp][] = [
      [[], 1, /none is in both; .*: --volume data --as web$/],
      [
        ['--volume', 'data'],
        2,
        /no volume "data": configured are web; .*: --volume data --as web$/,
      ],
      [
        ['--volume', 'web'],
        1,
        /does not hold the volume web, only data: .*--volume data --as web$/,
      ],
      [['--volume', 'mail', '--as', 'web'], 1, /does not hold the volume mail, only data: /],
      [['--volume', 'data', '--as', 'mail'], 2, /no volume "mail": configured are web/],
    ]
    for (const [words, exitCode, message] of refused) {
      expectRefusal(await store.run(['restore', first, ...words, '--yes']), exitCode, message)
    }
    expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
    expect(store.snapshotNames()).to.deep.equal([first])
  })
})

const isIndex = (name: string): boolean => name.startsWith('.snapshot.index.')
