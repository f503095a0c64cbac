import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { docker, execIn, startContainer, waitForExit } from '../support/docker.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import { type Samba, fetchFile, runSmbclient, startSamba, versionsOf } from './support/samba.ts'
import {
  type Sidecar,
  dataIn,
  runAsConsumer,
  runBeside,
  snapshotNames,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'
import { bigTree, copyUnderWay } from './support/slow-run.ts'

/** Files of a user, of whom Samba knows by number, and one of root. */
const files = `
  mkdir folder
  echo first > notes.txt
  echo mine > private.txt
  echo deleted > folder/deleted.txt
  ln -s /etc/passwd outside
  chown -hR 1000:1000 .
  chmod 600 private.txt
  echo secret > root.txt
  chmod 600 root.txt`

describeOnEngine('Previous Versions, with what samba-config prints', () => {
  let sidecar: Sidecar
  let samba: Samba
  let first: string
  let second: string

  before(async () => {
    sidecar = await startSidecar({ fill: files })
    first = await takeSnapshot(sidecar)
    await runAsConsumer(sidecar, 'echo second > notes.txt; rm folder/deleted.txt')
    second = await takeSnapshot(sidecar)
    samba = await startSamba(sidecar)
  })

  it('are exactly the snapshots, newest first', async () => {
    expect(await versionsOf(samba, 'notes.txt')).to.deep.equal([second, first])
  })

  it('have the contents that the file had', async () => {
    expect(await fetchFile(samba, `${first}\\notes.txt`)).to.equal('first')
    expect(await fetchFile(samba, `${second}\\notes.txt`)).to.equal('second')
  })

  it('of a directory hold what was deleted from it', async () => {
    expect(await versionsOf(samba, 'folder')).to.deep.equal([second, first])
    expect(await fetchFile(samba, `${first}\\folder\\deleted.txt`)).to.equal('deleted')
  })

  it('are there for a user who may read the file', async () => {
    expect(await versionsOf(samba, 'private.txt')).to.deep.equal([second, first])
    expect(await fetchFile(samba, `${first}\\private.txt`)).to.equal('mine')
  })

  it('are not there for a user who may not', async () => {
    const { stdout } = await runSmbclient(samba, `get ${first}\\root.txt -`)
    expect(stdout).to.include('NT_STATUS_ACCESS_DENIED').and.not.include('secret')
  })

  it('lead nowhere else, whatever links they hold', async () => {
    const { stdout } = await runSmbclient(samba, `get ${first}\\outside -`)
    expect(stdout).to.include('NT_STATUS_OBJECT_NAME_NOT_FOUND').and.not.include('root:')
  })

  it('are put in the place of the file', async () => {
    const commands = `get ${first}\\notes.txt /tmp/notes.txt; put /tmp/notes.txt notes.txt`
    succeeded(await runSmbclient(samba, commands))
    expect(readFileSync(join(sidecar.data, 'notes.txt'), 'utf8')).to.equal('first\n')
  })

  it('are hidden from users by a store of mode 0700, which samba-config tells of', async () => {
    chmodSync(sidecar.store, 0o700)
    try {
      expect(await versionsOf(samba, 'notes.txt')).to.deep.equal([])
      const { stderr } = await execIn(sidecar.container, 'snap-volume', 'samba-config')
      expect(stderr).to.match(/^warning: users cannot enter the store .*0700/)
    } finally {
      chmodSync(sidecar.store, 0o755)
    }
    expect(await versionsOf(samba, 'notes.txt')).to.deep.equal([second, first])
  })

  it('are found at other paths, of letters that mean something elsewhere in smb.conf', async () => {
    const elsewhere = await startSamba(sidecar, {
      path: "/srv/my data;#1 [x] = 'ü' $(y)",
      storePath: '/srv/the store;#2 [global] = z',
    })
    expect(await versionsOf(elsewhere, 'notes.txt')).to.deep.equal([second, first])
    expect(await fetchFile(elsewhere, `${second}\\notes.txt`)).to.equal('second')
  })

  it('are as few as retention keeps', async () => {
    succeeded(await runBeside(sidecar, ['prune', '--yes'], { SNAP_MAX: '1' }))
    expect(await versionsOf(samba, 'notes.txt')).to.deep.equal([second])
  })
})

describeOnEngine('history that users see as Previous Versions', () => {
  let sidecar: Sidecar
  let samba: Samba
  let version: string
  let history: Tree

  before(async () => {
    sidecar = await startSidecar({ fill: files })
    version = await takeSnapshot(sidecar)
    samba = await startSamba(sidecar)
    history = walkTree(dataIn(sidecar, version))
    await execIn(samba.container, 'sh', '-c', 'echo other > /tmp/other')
  })

  const differences = (): string[] => compareTrees(history, walkTree(dataIn(sidecar, version)))

  // the files are the user's own, and so are their versions
  const attempts: [what: string, commands: (path: string) => string][] = [
    ['overwritten', (path) => `put /tmp/other ${path}\\notes.txt`],
    ['added to', (path) => `put /tmp/other ${path}\\new.txt`],
    ['given directories', (path) => `mkdir ${path}\\new`],
    ['deleted', (path) => `del ${path}\\notes.txt`],
    ['deleted with all that is in a directory', (path) => `deltree ${path}\\folder`],
    ['renamed', (path) => `rename ${path}\\notes.txt ${path}\\other.txt`],
    ['moved away', (path) => `rename ${path}\\notes.txt moved.txt`],
    ['replaced by a move', (path) => `rename private.txt ${path}\\notes.txt -f`],
    ['linked to', (path) => `hardlink ${path}\\notes.txt linked.txt`],
    ['given other attributes', (path) => `setmode ${path}\\notes.txt +r`],
    [
      'given other times',
      (path) => `utimes ${path}\\notes.txt -1 -1 2001:01:01-00:00:00 2001:01:01-00:00:00`,
    ],
  ]
  for (const [what, commands] of attempts) {
    it(`is not ${what}`, async () => {
      const { stdout } = await runSmbclient(samba, commands(version))
      expect(stdout).to.include('NT_STATUS_')
      expect(differences()).to.deep.equal([])
    })
  }

  it('would be overwritten if the store were mounted read-write: nothing else keeps users from it', async () => {
    const careless = await startSamba(sidecar, { storeMode: 'rw' })
    await execIn(careless.container, 'sh', '-c', 'echo other > /tmp/other')
    await runSmbclient(careless, `put /tmp/other ${version}\\notes.txt`)
    expect(differences().join()).to.include('notes.txt')
  })
})

describeOnEngine('a snapshot under way', () => {
  it('is no version until it is published', async () => {
    const sidecar = await startSidecar({ fill: bigTree })
    const samba = await startSamba(sidecar)
    const run = await startContainer(productImage, {
      options: ['--volumes-from', sidecar.container],
      command: ['snapshot'],
    })
    await copyUnderWay(sidecar)
    await docker('pause', run)
    expect(await versionsOf(samba, 'directory-1')).to.deep.equal([])
    await docker('unpause', run)
    expect(await waitForExit(run)).to.equal(0)
    expect(await versionsOf(samba, 'directory-1')).to.deep.equal(snapshotNames(sidecar))
  })

  it('never shows, however often one looks while snapshots come and go', async () => {
    const sidecar = await startSidecar({ fill: files, env: { SNAP_MAX: '2' } })
    const samba = await startSamba(sidecar)
    const snapshots = takeSnapshots(sidecar, 8)
    const looks = await lookUntilEnd(sidecar, samba, snapshots)
    for (const { before, listed, after } of looks) {
      expect([...before, ...after], 'of all that was published').to.include.members(listed)
      const stayed = before.filter((name) => after.includes(name))
      expect(listed, 'those listed').to.include.members(stayed)
    }
    expect(looks.length).to.be.greaterThan(8)
    expect(await versionsOf(samba, 'notes.txt')).to.deep.equal(published(sidecar).toReversed())
  })
})

/** What Samba listed, and what was published just before and after. */
interface Look {
  before: string[]
  listed: string[]
  after: string[]
}

async function lookUntilEnd(
  sidecar: Sidecar,
  samba: Samba,
  work: Promise<unknown>,
): Promise<Look[]> {
  const looks: Look[] = []
  const over = new AbortController()
  const end = work.finally(() => over.abort())
  while (!over.signal.aborted) {
    const before = published(sidecar)
    const listed = await versionsOf(samba, 'notes.txt')
    looks.push({ before, listed, after: published(sidecar) })
  }
  await end
  return looks
}

function published(sidecar: Sidecar): string[] {
  return snapshotNames(sidecar).filter((name) =>
    existsSync(join(sidecar.store, name, '.snapshot.json')),
  )
}

async function takeSnapshots(sidecar: Sidecar, count: number): Promise<void> {
  for (let taken = 0; taken < count; taken += 1) await takeSnapshot(sidecar)
}
