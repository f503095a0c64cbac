import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { type Finished, lastDocumentOf, runCli, startDaemon } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeStore, makeUnconfiguredStore } from '../support/test-store.ts'
import { type MountsOfContainer, makeMountsOfContainer } from './support/as-container.ts'

/** Where the data are mounted in the container. */
const place = '/srv/files/data'

for (const marker of ['.dockerenv', 'run/.containerenv']) {
  describe(`start in a container with /${marker}`, () => {
    let store: TestStore
    let mounts: MountsOfContainer

    before(async function () {
      store = await makeUnconfiguredStore()
      await mkdir(join(store.data, 'deep'))
      const home = dirname(store.directory)
      const volumes = [[store.data, place] as const, [home, home] as const]
      mounts = await makeMountsOfContainer(this, { marker, volumes })
    })

    after(async () => {
      await mounts.remove()
      await store.remove()
    })

    const start = async (spec: string, env: Record<string, string> = {}): Promise<Finished> =>
      runCli(['start', spec], { env: { ...store.env, ...env }, through: mounts.through })

    const refused: [what: string, spec: string, message: RegExp][] = [
      [
        'a directory above the mount, and names that',
        'files:/srv/files',
        /volume files: \/srv\/files is inside the container.* -v .*mounted below it: \/srv\/files\/data$/m,
      ],
      ['a directory of the image', 'home:/home', /\/home is inside the container.*:\/home$/m],
      ['memory of the container', 'shm:/dev/shm', /\/dev\/shm is inside the container/],
      ['configuration of the container', 'etc:/etc', /\/etc is inside the container/],
    ]
    // what is a container is one question, what is in it another
    for (const [what, spec, message] of refused.slice(0, marker === '.dockerenv' ? undefined : 1)) {
      it(`refuses ${what}, and makes no store`, async () => {
        expectRefusal(await start(spec), 1, message)
        expect(existsSync(store.directory)).to.equal(false)
      })
    }

    it('refuses a store that nothing is mounted for', async () => {
      const finished = await start(`data:${place}`, { SNAP_DIR: '/opt/elsewhere/snap' })
      expectRefusal(finished, 1, /the store \/opt\/elsewhere\/snap is inside the container/)
    })

    it('takes what is mounted, and a directory of it', async () => {
      for (const path of [place, `${place}/deep`]) {
        const daemon = await startDaemon([`data:${path}`], {
          env: store.env,
          through: mounts.through,
        })
        expect(await daemon.stop()).to.equal(0)
      }
    })
  })
}

describe('In a container where the data are not mounted, and their path is one of the image', () => {
  let store: TestStore
  let mounts: MountsOfContainer

  before(async function () {
    store = await makeStore()
    const home = dirname(store.directory)
    const volumes = [[home, home] as const]
    const facts = { marker: '.dockerenv', volumes, imageDirectory: store.data }
    mounts = await makeMountsOfContainer(this, facts)
    await store.snapshot()
  })

  after(async () => {
    await mounts.remove()
    await store.remove()
  })

  const run = async (...words: string[]): Promise<Finished> =>
    runCli(words, { env: store.env, through: mounts.through })

  it('a snapshot is refused, and none is published', async () => {
    expectRefusal(await run('snapshot'), 1, /volume data: \S+ is inside the container/)
    expect(store.snapshotNames()).to.have.length(1)
  })

  it('a restore is refused, and so is its plan', async () => {
    for (const words of [['--yes'], ['--dry-run']]) {
      expectRefusal(await run('restore', 'latest', ...words), 1, /\S+ is inside the container/)
    }
  })

  it('doctor has a problem', async () => {
    const { findings } = lastDocumentOf(await run('doctor', '--json'))
    expect(findings).to.deep.include({
      level: 'problem',
      subject: 'volume data',
      message: `nothing is mounted at ${store.data} here`,
      fix: `run with --volumes-from the sidecar, or with -v VOLUME:${store.data}`,
    })
  })
})

describe('start on a machine whose root is of layers too, as of a live system', () => {
  it('takes any directory', async function () {
    const store = await makeUnconfiguredStore()
    const home = dirname(store.directory)
    const mounts = await makeMountsOfContainer(this, {
      marker: '',
      volumes: [[home, home]],
    })
    try {
      const spec = ['config:/etc/default']
      const daemon = await startDaemon(spec, { env: store.env, through: mounts.through })
      expect(await daemon.stop()).to.equal(0)
    } finally {
      await mounts.remove()
      await store.remove()
    }
  })
})
