import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import type { DoctorFinding } from '../../src/actions/doctor/finding.ts'
import { lastDocumentOf } from '../support/cli.ts'
import { type Mounted, bindMount } from '../support/mounts.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeUnconfiguredStore } from '../support/test-store.ts'

const anonymous = '0123456789abcdef'.repeat(4)

describe('A store where nobody may mean it', () => {
  let store: TestStore
  let home: string
  let mounted: Mounted | undefined

  beforeEach(async () => {
    store = await makeUnconfiguredStore()
    home = dirname(store.directory)
  })

  afterEach(async () => {
    await mounted?.remove()
    mounted = undefined
    await store.remove()
  })

  /** What start logs until it takes snapshots. */
  async function saidByStart(through: string[] = []): Promise<string> {
    const daemon = await store.startDaemon({ through })
    await daemon.stop()
    return daemon.output()
  }

  async function notesOfDoctor(through: string[] = []): Promise<string> {
    const finished = await store.run(['doctor', '--json'], { through })
    const findings = lastDocumentOf(finished)['findings'] as DoctorFinding[]
    const notes = findings.filter(({ level, subject }) => level === 'note' && subject === 'store')
    return notes.map(({ message }) => message).join('\n')
  }

  it('is said to be new, and where it is, until it has a snapshot', async () => {
    expect(await saidByStart()).to.match(
      / info +the store \S+ is new and empty \(on \S+, directory \S+store\)/,
    )
    await store.snapshot()
    expect(await saidByStart()).not.to.include('is new')
  })

  it('is said to be in an anonymous volume', async () => {
    const volume = join(home, 'volumes', anonymous, '_data')
    await mkdir(volume, { recursive: true })
    await mkdir(store.directory)
    mounted = await bindMount(volume, store.directory)
    const said =
      /is in the anonymous volume 0123456789ab, which goes with its container \(--rm, rm -v\)/
    expect(await saidByStart()).to.match(said)
    expect(await notesOfDoctor()).to.match(said)
  })

  it('is said to be where a disk is not mounted, and so are the data', async () => {
    const table = `UUID=1 ${home} ext4 noauto 0 2\nUUID=2 ${dirname(store.data)} xfs defaults 0 2\n`
    await writeFile(`${store.data}.fstab`, table)
    await shellIn('/', `cp -a /etc ${home}/etc; cp ${store.data}.fstab ${home}/etc/fstab`)
    const script = `mount --bind ${home}/etc /etc; exec "$@"`
    const through = ['unshare', '-m', 'sh', '-euc', script, 'sh']
    const output = await saidByStart(through)
    expect(output).to.match(/ warn +the store \S+ is in \S+, where \/etc\/fstab has a filesystem/)
    expect(output).to.match(/ warn +data: \S+ is in \S+, where \/etc\/fstab has a filesystem/)
    expect(await notesOfDoctor(through)).to.include(`is in ${home}, where /etc/fstab`)
  })
})
