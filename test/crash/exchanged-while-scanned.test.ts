import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { shellIn } from '../support/shell.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type Injection, startTraced } from './support/snap-volume.ts'
import { describeSample } from '../support/sample.ts'

describeSample({ tests: 3 }, 'A snapshot for which links were made in advance', function () {
  this.timeout(120_000)

  const store = useStore({ env: { SNAP_ENGINE: 'link' } })

  before(async function () {
    const reason = await whyNoStrace()
    if (reason !== undefined) skipBecause(this, reason)
  })

  async function snapshotAndPrelink(): Promise<void> {
    await untilAllIsOld(store.data)
    await store.snapshot()
    await store.prelink()
  }

  /**
   * Takes one, and runs a script in the data where it is stopped, and another one when it goes on
   * and copies.
   */
  async function snapshotWhile(
    script: string,
    where: Omit<Injection, 'fault'>,
    whenItCopies?: string,
  ): Promise<string> {
    const command = { args: ['snapshot'], environment: { ...store.env } }
    const group = startTraced(command, { ...where, fault: 'signal=SIGSTOP', children: true })
    expect(await group.stopped, 'it never came there').to.equal(true)
    await shellIn(store.data, script)
    group.signalAll('SIGCONT')
    if (whenItCopies !== undefined) {
      while (!isCopying()) await sleep(1)
      await shellIn(store.data, whenItCopies)
    }
    const { exitCode, stderr } = await group.ended
    expect(exitCode, stderr).to.be.oneOf([0, 3])
    return stderr
  }

  function isCopying(): boolean {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => commandLineOf(pid).startsWith('cp\0'))
      .flatMap((pid) => openFilesOf(pid))
      .some((path) => path.startsWith(`${store.data}/`))
  }

  async function expectRightSnapshot(): Promise<void> {
    const name = await store.snapshot()
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
  }

  it('writes nothing where a link leads that is a directory when it is looked at', async () => {
    const outside = `${store.data}.outside`
    const links = Array.from({ length: 16 }, (_, index) => `link-${index}`).join(' ')
    await shellIn(
      store.data,
      `mkdir ${outside} d; touch ${outside}/precious; cd d; touch $(seq 16)
       for link in ${links}; do ln -s ${outside} $link; done`,
    )
    await snapshotAndPrelink()
    const outsideBefore = walkTree(outside)
    await snapshotWhile(
      `cd d; for link in ${links}; do rm $link; mkdir $link; touch $link/evil; done`,
      { calls: 'statx', path: join(store.data, 'd/1'), when: 1 },
    )
    expect(compareTrees(outsideBefore, walkTree(outside))).to.deep.equal([])
    await expectRightSnapshot()
  })

  it('has what the one before found in none of its places, when it is there again', async () => {
    await shellIn(store.data, 'mkdir -p now/sub next/sub; touch now/sub/f now/sub/g next/sub/g')
    await snapshotAndPrelink()
    await shellIn(store.data, 'echo changed > now/sub/f')
    await untilAllIsOld(store.data)
    const cp = { calls: 'execve', path: '/usr/bin/cp', when: 1 }
    expect(await snapshotWhile('mv now before; mv next now', cp)).to.include('vanished')
    await shellIn(store.data, 'mv now next; mv before now')
    await store.prelink()
    await expectRightSnapshot()
  })

  it('has the content that was there before another one was copied in its place', async () => {
    await shellIn(
      store.data,
      'mkdir -p now/sub next/sub; echo one > now/sub/f; echo two > next/sub/f',
    )
    await snapshotAndPrelink()
    await shellIn(store.data, 'echo changed > now/sub/f')
    await untilAllIsOld(store.data)
    const cp = { calls: 'execve', path: '/usr/bin/cp', when: 1 }
    await snapshotWhile('mv now before; mv next now', cp)
    await shellIn(store.data, 'mv now next; mv before now')
    await store.prelink()
    await expectRightSnapshot()
  })

  it('has the content that is there, when another one was copied in its place for the time of the copy', async () => {
    await shellIn(
      store.data,
      'mkdir -p now/sub next/sub; echo one > now/sub/f; head -c 200M /dev/zero > next/sub/f',
    )
    await snapshotAndPrelink()
    await shellIn(store.data, 'echo changed > now/sub/f')
    await untilAllIsOld(store.data)
    const file = { calls: 'statx', path: join(store.data, 'now/sub/f'), when: 1 }
    await snapshotWhile('mv now before; mv next now', file, 'mv now next; mv before now')
    await store.prelink()
    await expectRightSnapshot()
  })

  it('names directories that were away when it came to them, and back when it was done', async () => {
    // from so deep in 8, with which it begins, the others are not reached by way of d, which is
    // open
    await shellIn(store.data, 'for f in $(seq 8); do mkdir -p d/$f/x/y/z; touch d/$f/file; done')
    await snapshotAndPrelink()
    await shellIn(store.data, 'head -c 200M /dev/zero > large')
    const deep = { calls: 'statx', path: join(store.data, 'd/8/x/y/z'), when: 1 }
    const said = await snapshotWhile('mv d away', deep, 'mv away d')
    expect(said).to.include('files were directories that were away')
    const record = join(store.directory, store.snapshotNames().at(-1) ?? '', '.snapshot.json')
    expect(readFileSync(record, 'utf8')).to.include('"d/5"')
    await store.prelink()
    await expectRightSnapshot()
  })

  it('names files whose directory was away when it came to them, and back when it was done', async () => {
    await shellIn(store.data, 'mkdir -p d/child; touch d/child/1')
    await snapshotAndPrelink()
    await shellIn(store.data, 'head -c 200M /dev/zero > large')
    const child = { calls: 'statx', path: join(store.data, 'd/child'), when: 1 }
    expect(await snapshotWhile('mv d away', child, 'mv away d')).to.include('vanished')
    const record = join(store.directory, store.snapshotNames().at(-1) ?? '', '.snapshot.json')
    expect(readFileSync(record, 'utf8')).to.include('"d/child/1"')
    await store.prelink()
    await expectRightSnapshot()
  })

  it('gives a directory the times that it had, where one in it goes after it was found there', async () => {
    await shellIn(store.data, 'mkdir -p d/child; touch d/child/1')
    await snapshotAndPrelink()
    await snapshotWhile('rm -r d/child', {
      calls: 'statx',
      path: join(store.data, 'd/child'),
      when: 1,
    })
    const taken = store.dataIn(store.snapshotNames().at(-1) ?? '')
    expect(readdirSync(join(taken, 'd'))).to.deep.equal([])
    expect(compareTrees(walkTree(store.data), walkTree(taken))).to.deep.equal([])
  })
})

function openFilesOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
  } catch {
    return []
  }
}

/** Empty of one that has ended. */
function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}
