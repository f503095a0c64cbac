import { chownSync, lchownSync, lstatSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { type Finished, documentsOf, lastDocumentOf } from '../support/cli.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { type HeldNamespace, userNamespaceOrSkip } from '../support/user-namespace.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

/** Outside of all maps here. */
const stranger = 70_000
/** Whom strangers look like (/proc/sys/kernel/overflowuid). */
const nobody = 65_534

describe('In a user namespace', function () {
  this.timeout(60_000)

  let filesystem: LoopFilesystem
  /** As with userns-remap: it knows 65534, whom others look like. */
  let large: HeldNamespace
  /** Nobody has that id. */
  let small: HeldNamespace
  let store: TestStore

  before(async function () {
    filesystem = await loopOrSkip(this, 'ext4')
    large = await userNamespaceOrSkip(this, '0 0 65536')
    small = await userNamespaceOrSkip(this, '0 0 1000')
    await shellIn(filesystem.path, 'chmod 755 .')
  })

  beforeEach(async () => {
    store = await makeStore({ on: filesystem.path })
  })

  afterEach(() => store.remove())

  after(async () => {
    await large?.remove()
    await small?.remove()
    await filesystem?.remove()
  })

  const at = (name: string): string => join(store.data, name)
  const run = async (words: string[], { through } = large): Promise<Finished> =>
    store.run(words, { through })

  /** Entries of every kind that a stranger owns, and `hello.txt` of root. */
  async function plantStrangers(): Promise<string[]> {
    writeFileSync(at('by user'), '')
    chownSync(at('by user'), stranger, 0)
    writeFileSync(at('by group'), '')
    chownSync(at('by group'), 0, stranger)
    symlinkSync('nowhere', at('link'))
    lchownSync(at('link'), stranger, stranger)
    await mkdir(at('directory'))
    chownSync(at('directory'), stranger, stranger)
    return ['by user', 'by group', 'link', 'directory']
  }

  async function plantNobody(): Promise<void> {
    writeFileSync(at('of nobody'), '')
    chownSync(at('of nobody'), nobody, nobody)
    symlinkSync('of nobody', at('link of nobody'))
    lchownSync(at('link of nobody'), nobody, nobody)
  }

  it('a snapshot is flagged, and names the entries whose owners are not known there', async () => {
    const strange = await plantStrangers()
    await shellIn(store.data, 'touch known && chown nobody:nogroup known')
    const finished = await run(['snapshot', '--json'])
    expect(finished.exitCode, finished.stdout).to.equal(3)
    const warning = warningOf(finished)
    expect(warning['paths']).to.have.members(strange)
    expect(warning['message']).to.match(
      /4 files belong to users or groups outside .* as those of 65534 .*--userns=host/,
    )
    const { snapshot } = lastDocumentOf(finished) as { snapshot: { warnings: object[] } }
    expect(snapshot.warnings).to.deep.include(warning)
  })

  it('a snapshot of data whose owners are known is not flagged', async () => {
    await plantNobody()
    const finished = await run(['snapshot', '--json'])
    expect(finished.exitCode, finished.stdout).to.equal(0)
    const { snapshot } = lastDocumentOf(finished) as { snapshot: { name: string } }
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(snapshot.name)))).to.deep.equal(
      [],
    )
  })

  it('that has nobody for them, the snapshot is refused and names them', async () => {
    await plantStrangers()
    const message = /not snapshotted: 4 entries of \S+ belong to users .*--userns=host/
    expectRefusal(await run(['snapshot'], small), 1, message)
    expect(store.snapshotNames()).to.deep.equal([])
  })

  it('a restore is refused where it meets them, in the data or in the snapshot', async () => {
    const good = await store.snapshot()
    await plantStrangers()
    const strange = await store.snapshot()
    const live = walkTree(store.data)
    const message = /nothing was restored: 4 entries of \S+ belong to users .*--userns=host/
    expectRefusal(await run(['restore', good, '--yes']), 1, message)
    expectRefusal(await run(['restore', good, '--dry-run']), 1, message)
    expect(compareTrees(live, walkTree(store.data))).to.deep.equal([])
    await rm(at('directory'), { recursive: true })
    for (const name of ['by user', 'by group', 'link']) await rm(at(name))
    expectRefusal(await run(['restore', strange, '--yes']), 1, message)
    expect(store.snapshotNames()).to.deep.equal([good, strange])
  })

  it('a restore is done, and flagged, where nobody can tell whether a group is one of them', async () => {
    await shellIn(store.data, 'touch grouped && chgrp nogroup grouped')
    const name = await store.snapshot()
    await rm(at('grouped'))
    const restored = await run(['restore', name, '--yes', '--json'])
    expect(restored.exitCode, restored.stdout).to.equal(3)
    expect(warningOf(restored)['paths']).to.deep.equal(['grouped'])
    expect(lstatSync(at('grouped')).gid).to.equal(nobody)
  })

  it('anywhere, the restore of a snapshot that lost owners there says so', async () => {
    const strange = await plantStrangers()
    await run(['snapshot'])
    const [name = ''] = store.snapshotNames()
    await rm(at('by user'))
    const finished = await store.run(['restore', name, '--json'])
    expect(finished.exitCode, finished.stdout).to.equal(3)
    const warning = warningOf(finished)
    expect(warning['message']).to.include('did not keep the owners of some entries')
    expect(warning['paths']).to.have.members(strange)
    expect(lstatSync(at('by user')).uid).to.equal(nobody)
  })

  it('a file that root may not read there, and a device, end with the way out', async () => {
    const plants: [what: string, plant: string, remove: string][] = [
      ['a file', `install -o ${stranger} -m 600 /dev/null closed`, 'rm closed'],
      ['a directory', `install -d -o ${stranger} -m 700 closed`, 'rmdir closed'],
      ['a device', 'mknod device c 1 3', 'rm device'],
    ]
    for (const [what, plant, remove] of plants) {
      await shellIn(store.data, plant)
      const finished = await run(['snapshot'])
      expect(finished.exitCode, what).to.equal(1)
      expect(finished.stderr, what).to.match(/snap-volume: .*user namespace.*--userns=host/)
      await shellIn(store.data, remove)
    }
  })

  it('doctor says what is not kept, and which entries of the volumes that are', async () => {
    const quiet = lastDocumentOf(await run(['doctor', '--json']))
    const findings = quiet['findings'] as { subject: string; level: string; message: string }[]
    const found = findings.find(({ subject }) => subject === 'user namespace')
    expect(found?.message).to.match(/users 0 to 65535 and the groups 0 to 65535 .*no device files/)
    for (const subject of ['metadata', 'capabilities']) {
      const { message } = findings.find((finding) => finding.subject === subject) ?? {}
      expect(message, subject).to.include('known here')
    }
    await plantStrangers()
    const { stdout, exitCode } = await run(['doctor'])
    expect(stdout).to.match(/4 entries of \S+ belong to users[^]*--userns=host/)
    expect(exitCode).to.equal(3)
    const outside = await store.run(['doctor', '--json'])
    expect(outside.stdout).not.to.include('user namespace')
  })

  it('a store of somebody else is refused with the owner it needs on the host', async () => {
    chownSync(store.directory, stranger, stranger)
    const message = /belongs to user 65534, .*--userns=host, or on the host chown it to 0, who/
    expectRefusal(await run(['show']), 1, message)
    const outside = await store.run(['show'])
    expectRefusal(outside, 1, /belongs to user 70000, .*named volume, see docs\/user-namespaces/)
    chownSync(store.directory, 0, 0)
  })

  it('a Docker socket of the host is refused with the way out', async () => {
    const socket = join(store.directory, '..', 'docker.sock')
    const server = createServer().listen(socket)
    try {
      await shellIn('/', `chown ${stranger}:${stranger} ${socket} && chmod 660 ${socket}`)
      const env = { DOCKER_HOST: `unix://${socket}`, SNAP_QUIESCE: 'pause' }
      const { stdout } = await store.run(['doctor'], { through: large.through, env })
      expect(stdout).to.match(/cannot be reached \(EACCES\)[^]*outside of this user namespace/)
    } finally {
      server.close()
    }
  })
})

/** As the record has it. */
function warningOf(finished: Finished): Record<string, unknown> {
  const { type: _, ...warning } =
    documentsOf(finished).find(({ code }) => code === 'unknown-owner') ?? {}
  return warning
}
