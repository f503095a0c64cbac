import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Context } from 'mocha'
import type { DoctorFinding } from '../../src/actions/doctor/finding.ts'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { type Environment, lastDocumentOf } from '../support/cli.ts'
import { type FuseType, fuseOrSkip } from '../support/fuse-filesystem.ts'
import { mountTmpfs } from '../support/mounts.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, configure, makeUnconfiguredStore } from '../support/test-store.ts'

interface Mounted {
  path: string
  remove(): Promise<void>
}

interface Kind {
  title: string
  mount: (context: Context) => Promise<Mounted>
  lacks: string[]
  mtimeStepNs?: number
}

const accepting: Environment = { SNAP_ACCEPT_STORE: 'true' }

const fuse =
  (type: FuseType, ...mountOptions: string[]) =>
  async (context: Context): Promise<Mounted> =>
    fuseOrSkip(context, type, { mountOptions })

const good: Kind[] = [
  { title: 'ext4', mount: async (context) => loopOrSkip(context, 'ext4'), lacks: [] },
  { title: 'XFS', mount: async (context) => loopOrSkip(context, 'xfs'), lacks: [] },
  { title: 'btrfs', mount: async (context) => loopOrSkip(context, 'btrfs'), lacks: [] },
  { title: 'bindfs', mount: fuse('bindfs'), lacks: [] },
  {
    title: 'ext4 with inodes of 128 bytes',
    mount: async (context) => loopOrSkip(context, 'ext4', { sizeMiB: 256, inodeBytes: 128 }),
    lacks: ['times after 2038'],
    mtimeStepNs: 1e9,
  },
  {
    title: 'ntfs-3g with permissions and ACLs',
    mount: fuse('ntfs-3g', 'permissions', 'acl'),
    lacks: ['names not in UTF-8'],
    mtimeStepNs: 100,
  },
]

const bad: Kind[] = [
  {
    title: 'ntfs-3g as it is mounted by default',
    mount: fuse('ntfs-3g'),
    lacks: ['owners', 'modes', 'ACLs', 'names not in UTF-8'],
    mtimeStepNs: 100,
  },
  {
    title: 'ntfs-3g with permissions',
    mount: fuse('ntfs-3g', 'permissions'),
    lacks: ['ACLs', 'names not in UTF-8'],
    mtimeStepNs: 100,
  },
  {
    title: 'exfat-fuse',
    mount: fuse('exfat-fuse'),
    lacks: [
      'owners',
      'modes',
      'symlinks',
      'hard links',
      'ACLs',
      'xattrs',
      'names with a colon',
      'names not in UTF-8',
      'case',
    ],
    mtimeStepNs: 1e9,
  },
  {
    title: 'bindfs that ignores owners and modes',
    mount: fuse('bindfs', 'chown-ignore', 'chmod-ignore'),
    lacks: ['owners', 'modes'],
  },
  {
    title: 'bindfs that forces an owner, and has no xattrs',
    mount: fuse('bindfs', 'force-user=root', 'xattr-none'),
    lacks: ['owners', 'ACLs', 'xattrs'],
  },
  {
    title: 'sshfs',
    mount: fuse('sshfs'),
    lacks: ['symlinks', 'hard links', 'ACLs', 'xattrs', 'times before 1980', 'times after 2039'],
    mtimeStepNs: 1e9,
  },
  {
    title: 'tmpfs',
    mount: async () => mountTmpfs('size=8m'),
    lacks: ['data after a restart'],
  },
]

/** Of this kernel's FAT not all is known here, as code pages differ. */
const fat = async (context: Context): Promise<Mounted> => loopOrSkip(context, 'vfat')

function useStore(mount: Kind['mount'], env: Environment): () => TestStore {
  let mounted: Mounted | undefined
  let store: TestStore | undefined

  before(async function () {
    mounted = await mount(this)
    store = await makeUnconfiguredStore({ on: mounted.path, dataOn: '/var/tmp', env })
  })

  after(async () => {
    await store?.remove()
    await mounted?.remove()
  })

  return () => store ?? expect.fail('there is no store')
}

async function takeSnapshot(store: TestStore): Promise<SnapshotRecord> {
  const finished = await store.run(['snapshot', '--json'])
  const { snapshot } = lastDocumentOf(finished) as { snapshot?: SnapshotRecord }
  return snapshot ?? expect.fail(finished.stdout)
}

async function doctorLevels(store: TestStore): Promise<Map<string, string>> {
  const findings = lastDocumentOf(await store.run(['doctor', '--json']))['findings']
  return new Map((findings as DoctorFinding[]).map(({ subject, level }) => [subject, level]))
}

function abilitiesIn(store: TestStore): unknown {
  const config = readFileSync(join(store.directory, '.snap-volume/config.json'), 'utf8')
  return (JSON.parse(config) as { storeAbilities?: unknown }).storeAbilities
}

for (const { title, mount, lacks, mtimeStepNs = 1 } of good) {
  describe(`A store on ${title}`, () => {
    const store = useStore(mount, {})

    before(async () => {
      await configure(store())
    })

    it('is accepted, and its configuration says what it keeps', () => {
      expect(abilitiesIn(store())).to.deep.include({ lacks, mtimeStepNs })
    })

    it('has a record that says what it does not keep', async () => {
      const record = await takeSnapshot(store())
      expect([record.storeLacks ?? [], record.mtimeStepNs ?? 1]).to.deep.equal([lacks, mtimeStepNs])
    })

    it('has no problem for doctor, which names what it does not keep', async () => {
      const levels = await doctorLevels(store())
      expect(lacks.map((lack) => levels.get(lack))).to.deep.equal(lacks.map(() => 'note'))
      expect(levels.get('times')).to.equal(mtimeStepNs === 1 ? undefined : 'note')
      expect(levels.get('metadata')).to.equal('ok')
    })

    it('has nothing of the probe left in it', () => {
      const names = readdirSync(join(store().directory, '.snap-volume'))
      expect(names.filter((name) => /^(?:probe|doctor)/.test(name))).to.deep.equal([])
    })
  })
}

for (const { title, mount, lacks, mtimeStepNs = 1 } of bad) {
  const refused = lacks.filter((lack) => !/^names |^times /.test(lack))

  describe(`A store on ${title}`, () => {
    const store = useStore(mount, { SNAP_ACCEPT_STORE: 'false' })

    it('is refused in one line that says what is not kept, and what to do', async () => {
      const finished = await store().run(['start', store().spec])
      const message = `does not keep ${refused.join(', ')}: .*ext4.*permissions,acl.*SNAP_ACCEPT_STORE=true`
      expectRefusal(finished, 1, new RegExp(message))
      expect(existsSync(store().directory), 'a store').to.equal(false)
    })
  })

  describe(`A store on ${title} that is accepted`, () => {
    const store = useStore(mount, accepting)

    before(async () => {
      await configure(store())
    })

    it('has a record that says what it does not keep', async () => {
      const record = await takeSnapshot(store())
      expect([record.storeLacks, record.mtimeStepNs ?? 1]).to.deep.equal([lacks, mtimeStepNs])
    })

    it('has a problem for doctor for each where it is not accepted', async () => {
      const finished = await store().run(['doctor', '--json'], {
        env: { SNAP_ACCEPT_STORE: 'false' },
      })
      const findings = lastDocumentOf(finished)['findings'] as DoctorFinding[]
      const problems = findings.filter(({ level, fix }) => level === 'problem' && fix !== undefined)
      expect(problems.map(({ subject }) => subject)).to.include.members(refused)
    })
  })
}

describe('A store on the FAT of this kernel', () => {
  const store = useStore(fat, {})

  it('is refused, for owners and modes at least', async () => {
    const finished = await store().run(['start', store().spec])
    expectRefusal(finished, 1, /does not keep owners, modes/)
  })
})

describe('A store with too few inodes left to try what it keeps', () => {
  const options = { sizeMiB: 24, inodeBytes: 128, inodes: 128 }
  const store = useStore(async (context) => loopOrSkip(context, 'ext4', options), {})

  it('is started on what the start before found', async () => {
    await configure(store())
    const before = abilitiesIn(store())
    expect(before).to.deep.include({ mtimeStepNs: 1e9 })
    const fill = 'mkdir fill; cd fill; touch $(seq 500) 2>/dev/null || rm $(ls | head -n 6)'
    await shellIn(store().directory, fill)
    await configure(store())
    expect(abilitiesIn(store())).to.deep.equal(before)
  })
})
