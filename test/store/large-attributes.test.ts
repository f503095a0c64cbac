import { expect } from 'chai'
import { engines } from '../support/engines.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { injecting, whyNoStrace } from '../support/strace.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { compareTrees } from '../support/tree-walker.ts'

/** ext4 with blocks of 4 KiB takes them, and with blocks of 1 KiB not. */
const tooLarge = [
  {
    title: 'An extended attribute of a file',
    script: 'large=$(printf %01500d 1); setfattr -n user.large -v "$large" deep/file',
    says: /user\.large of (data\/)?deep\/file /,
  },
  {
    title: 'An extended attribute of a directory',
    script: 'large=$(printf %01500d 1); setfattr -n user.large -v "$large" deep',
    says: /user\.large of (data\/)?deep /,
  },
  {
    title: 'An extended attribute of the volume itself',
    script: 'large=$(printf %01500d 1); setfattr -n user.large -v "$large" .',
    says: /user\.large of (data\/)?\. /,
  },
  {
    title: 'An ACL',
    script: 'seq -f "u:%g:rw" 1000 1200 | setfacl -M - deep/file',
    says: /the ACL of (data\/)?deep\/file /,
  },
]

/** Nobody is to be told that a disk is full, or to delete snapshots. */
const aboutSpace = /is full|free space|SNAP_MAX|prune/

describe('With a filesystem that takes only small attributes', function () {
  this.timeout(60_000)
  let small: LoopFilesystem
  let store: TestStore | undefined

  before(async function () {
    small = await loopOrSkip(this, 'ext4', { sizeMiB: 24, smallBlocks: true })
  })

  after(() => small?.remove())

  afterEach(async () => {
    await store?.remove()
    store = undefined
  })

  for (const engine of engines) {
    for (const { title, script, says } of tooLarge) {
      it(`${title} that is too large for the store is named, and no full disk (engine ${engine})`, async () => {
        store = await makeStore({
          on: small.path,
          dataOn: '/var/tmp',
          env: { SNAP_ENGINE: engine },
        })
        await shellIn(store.data, 'mkdir deep; echo text > deep/file')
        await store.snapshot()
        await shellIn(store.data, script)
        const before = store.published()
        const finished = await store.run(['snapshot'])
        expectRefusal(finished, 1, says)
        expect(finished.stderr).to.include('too large for the filesystem of the store')
        expect(finished.stderr).to.not.match(aboutSpace)
        expect(compareTrees(before, store.published())).to.deep.equal([])
        expect(store.leftIn('staging')).to.deep.equal([])
      })
    }
  }

  it('one that a restore would have to set is named, and no full disk', async () => {
    store = await makeStore({ on: '/var/tmp', dataOn: small.path })
    // as a volume that was on another filesystem once
    const name = await store.snapshot()
    await shellIn(store.dataIn(name), 'setfattr -n user.large -v "$(printf %01500d 1)" hello.txt')
    const { exitCode, stderr } = await store.run(['restore', name, '--yes', '--checksum'])
    expect(stderr).to.match(/user\.large of hello\.txt is too large for the filesystem of the data/)
    expect(stderr).to.not.match(aboutSpace)
    expect(exitCode).to.equal(1)
    expect(await shellIn(store.data, 'cat hello.txt')).to.equal('hello')
  })
})

describe('More extended attributes than can be listed', function () {
  this.timeout(60_000)
  let xfs: LoopFilesystem

  before(async function () {
    xfs = await loopOrSkip(this, 'xfs')
  })

  after(() => xfs?.remove())

  for (const engine of engines) {
    it(`are named by their file (engine ${engine})`, async () => {
      const store = await makeStore({ dataOn: xfs.path, env: { SNAP_ENGINE: engine } })
      try {
        const names = 'seq -f "user.$(printf %0230d 1).%g=\\"v\\"" 300'
        await shellIn(store.data, `(echo "# file: hello.txt"; ${names}) | setfattr --restore=-`)
        const finished = await store.run(['snapshot'])
        expectRefusal(finished, 1, /attributes of (data\/)?hello\.txt are too many to be listed/)
        expect(finished.stderr).to.not.match(aboutSpace)
      } finally {
        await store.remove()
      }
    })
  }
})

describe('An extended attribute that is listed and cannot be read', function () {
  this.timeout(60_000)

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  const outcomes = { link: 3, rsync: 1 }
  for (const engine of engines) {
    it(`is named, and its file (engine ${engine})`, async () => {
      const store = await makeStore({ env: { SNAP_ENGINE: engine } })
      try {
        await shellIn(store.data, 'setfattr -n user.colour -v blue hello.txt')
        const through = injecting('getxattr,lgetxattr,fgetxattr:error=ENODATA')
        const { exitCode, stderr } = await store.run(['snapshot'], { through })
        expect(stderr).to.include('user.colour').and.include('hello.txt')
        expect(stderr).to.include('listed and cannot be read')
        expect(stderr).to.not.match(aboutSpace)
        expect(exitCode).to.equal(outcomes[engine])
      } finally {
        await store.remove()
      }
    })
  }
})
