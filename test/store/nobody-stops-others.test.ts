import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import type { ActionContext } from '../../src/actions/context.ts'
import { takeSnapshot } from '../../src/actions/snapshot/take-snapshot.ts'
import type { SnapshotRecord } from '../../src/store/record.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { ownerId, startAsOwner } from './support/hostile-owner.ts'
import { holdsLease, switchesReleases } from './support/hostile-programs.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'
import { mountUnanswered, whyNoFuse } from './support/unanswered-mount.ts'

const longestMs = 20_000

const tree = `
mkdir -p site/current/deep site/release2/deep mount deep/mount still/deep
for d in . site/current site/current/deep site/release2/deep deep still still/deep; do
  for f in 1 2 3; do echo $d/$f > $d/$f; done
done
ln -s nowhere link
chown -R -h ${ownerId}:${ownerId} .`

interface Places {
  his: string
  /** His volume in the newest snapshot. */
  published: string
}

interface Deed {
  /** Begins it, and gives what ends it. */
  begin(places: Places): Promise<() => Promise<unknown>>
  /** What may be missing, or be something else, meanwhile: these paths and all below. */
  doubtful: readonly string[]
  /** Those of them that are empty directories in the snapshot. */
  mounted?: readonly string[]
  /** What is said of it. */
  says?: RegExp
}

const deeds: Record<string, Deed> = {
  'holds a lease on a new file': {
    async begin({ his }) {
      await shellIn(his, `echo leased > leased; chown ${ownerId} leased`)
      const owner = await startAsOwner(his, holdsLease, ['leased'])
      return async () => owner.stop()
    },
    doubtful: ['leased'],
    says: /1 file could not be read, and is not in the snapshot: somebody has a lease/,
  },
  'switches a directory and a symlink': {
    async begin({ his }) {
      const owner = await startAsOwner(join(his, 'site'), switchesReleases)
      return async () => owner.stop()
    },
    doubtful: ['site/current', 'site/old'],
  },
  'has a filesystem that only he may look at': mounting(false, ({ his }) => his, 'deep/mount'),
  'has such a filesystem in the root of his volume': mounting(false, ({ his }) => his, 'mount'),
  'has such a filesystem, whose server was killed': mounting(
    false,
    ({ his }) => his,
    'mount',
    'killed',
  ),
  'has a filesystem whose server was killed': mounting(
    true,
    ({ his }) => his,
    'deep/mount',
    'killed',
  ),
  'has a filesystem whose server does not answer': mounting(true, ({ his }) => his, 'deep/mount'),
  'mounts a filesystem that only he may look at over a directory of the newest snapshot': {
    ...mounting(false, ({ published }) => published, 'still/deep'),
    doubtful: [],
    mounted: [],
  },
  'mounts a filesystem whose server does not answer over a directory of the newest snapshot': {
    ...mounting(true, ({ published }) => published, 'still/deep'),
    doubtful: [],
    mounted: [],
  },
  'has an immutable file in the newest snapshot': {
    async begin({ published }) {
      await shellIn(published, 'chattr +i still/deep/1')
      return async () => shellIn(published, 'chattr -i still/deep/1')
    },
    doubtful: [],
  },
}

function mounting(
  isForAll: boolean,
  where: (places: Places) => string,
  path: string,
  server?: 'killed',
): Deed {
  return {
    async begin(places) {
      const mount = await mountUnanswered(join(where(places), path), isForAll)
      if (server === 'killed') await mount.kill()
      return async () => mount.remove()
    },
    doubtful: [path],
    mounted: [path],
  }
}

describe('While the owner of one volume', function () {
  this.timeout(120_000)

  let filesystem: LoopFilesystem
  let store: InProcessStore
  let context: ActionContext
  let other: string
  let published: string
  let end: () => Promise<unknown>

  before(async function () {
    const reason = await whyNoFuse()
    if (reason !== undefined) skipBecause(this, reason)
    filesystem = await loopOrSkip(this, 'ext4')
    chmodSync(dirname(filesystem.path), 0o755)
  })

  after(() => filesystem?.remove())

  beforeEach(async () => {
    end = () => Promise.resolve()
    store = makeInProcessStore('link', 10, filesystem.path)
    chmodSync(dirname(store.data), 0o755)
    other = join(dirname(store.data), 'other')
    mkdirSync(other)
    await shellIn(store.data, tree)
    await shellIn(other, tree)
    await untilAllIsOld(other)
    const volumes = [...store.context.config.volumes, { id: 'other', path: other }]
    context = { ...store.context, config: { ...store.context.config, volumes } }
    published = store.dataIn((await snapshot()).name)
  })

  afterEach(async () => {
    await end()
    await store.remove()
  })

  async function snapshot(): Promise<SnapshotRecord> {
    const { record } = await takeSnapshot(
      { ...context, signal: AbortSignal.timeout(longestMs) },
      { kind: 'manual' },
    )
    return record
  }

  for (const [what, deed] of Object.entries(deeds)) {
    it(`${what}, snapshots hold all that can be read, and everything once he has ended`, async () => {
      await shellIn(store.data, 'echo changed > still/2')
      await shellIn(other, 'echo changed > still/2')
      const otherBefore = walkTree(other)
      const before = without(deed.doubtful, walkTree(store.data))
      end = await deed.begin({ his: store.data, published })
      // the second one has the first one as its base
      await expectSnapshot(deed, before, otherBefore)
      await expectSnapshot(deed, before, otherBefore)
      await end()
      end = () => Promise.resolve()
      const { name } = await snapshot()
      const differences = compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))
      expect(differences, 'once he has ended').to.deep.equal([])
    })
  }

  async function expectSnapshot(deed: Deed, before: Tree, otherBefore: Tree): Promise<void> {
    const startedMs = performance.now()
    const { name, warnings } = await snapshot()
    expect(performance.now() - startedMs, 'ms').to.be.lessThan(longestMs)
    const his = walkTree(store.dataIn(name))
    const others = walkTree(join(dirname(store.dataIn(name)), 'other'))
    expect(compareTrees(otherBefore, others), 'the other volume').to.deep.equal([])
    expect(compareTrees(before, without(deed.doubtful, his)), 'his volume').to.deep.equal([])
    for (const path of deed.mounted ?? []) {
      expect(readdirSync(join(store.dataIn(name), path)), path).to.deep.equal([])
    }
    const told = JSON.stringify(warnings)
    expect(told).to.match(deed.says ?? /./)
    const silent = deed.doubtful.filter((path) => !his.has(path) && !told.includes(path))
    // it comes and goes
    expect(silent.filter((path) => path !== 'site/old')).to.deep.equal([])
  }
})

/**
 * The tree without these paths, all that is below them, and the directories they are in, whose
 * times may move.
 */
function without(paths: readonly string[], tree: Tree): Tree {
  const isLeft = (path: string): boolean =>
    paths.every((one) => path !== dirname(one) && path !== one && !path.startsWith(`${one}/`))
  return new Map([...tree].filter(([path]) => isLeft(path)))
}
