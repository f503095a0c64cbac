import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import { takeSnapshot } from '../../src/actions/snapshot/take-snapshot.ts'
import { type FuseFilesystem, fuseOrSkip } from '../support/fuse-filesystem.ts'
import type { LoopFilesystem } from '../support/loop-filesystem.ts'
import { loopOrSkip } from '../support/places.ts'
import { untilAllIsOld } from '../support/until-all-is-old.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

const page = 4096

/**
 * Writes two pages by one call of write(2), from memory that is mapped to a file: the first page is
 * there, and the second one has to be read from a server that was stopped meanwhile.
 */
const program = `
import mmap, os, sys
source = open(sys.argv[1], 'rb')
target = os.open(sys.argv[2], os.O_WRONLY)
pages = mmap.mmap(source.fileno(), ${2 * page}, prot=mmap.PROT_READ)
pages.madvise(mmap.MADV_RANDOM)
pages[0]
print('ready', flush=True)
sys.stdin.readline()
os.write(target, memoryview(pages))
`

describe('A file that one write(2) writes for longer than it is doubted', function () {
  this.timeout(60_000)

  let filesystem: LoopFilesystem
  let server: FuseFilesystem
  let store: InProcessStore
  let file: string
  let writer: ChildProcess | undefined

  before(async function () {
    filesystem = await loopOrSkip(this, 'ext4')
    const shown = join(filesystem.path, 'shown')
    mkdirSync(shown)
    writeFileSync(join(shown, 'source'), 'new!'.repeat(page / 2))
    server = await fuseOrSkip(this, 'sshfs', { shows: shown })
  })

  after(async () => {
    await server?.remove()
    await filesystem?.remove()
  })

  beforeEach(async () => {
    store = makeInProcessStore('link', 10, filesystem.path)
    file = join(store.data, 'file')
    writeFileSync(file, 'old!'.repeat(page / 2))
    await untilAllIsOld(store.data)
    await store.snapshot()
  })

  afterEach(async () => {
    await signalServer('CONT')
    writer?.kill('SIGKILL')
    await store.remove()
  })

  const signalServer = async (signal: 'STOP' | 'CONT'): Promise<void> => {
    await execa('pkill', [`-${signal}`, '-f', `sshfs .*${server.path}$`])
  }

  it('is captured by a snapshot that compares contents, and the change time tells nobody', async () => {
    writer = spawn('python3', ['-c', program, join(server.path, 'source'), file], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const ended = once(writer, 'exit')
    if (writer.stdout !== null) await once(writer.stdout, 'data')
    await signalServer('STOP')
    writer.stdin?.end('\n')
    await sleep(2500)
    expect(contentIn(file), 'half written').to.equal(
      'new!'.repeat(page / 4) + 'old!'.repeat(page / 4),
    )
    await store.snapshot()
    const { ctimeNs } = lstatSync(file, { bigint: true })
    await signalServer('CONT')
    await ended
    expect(contentIn(file), 'written').to.equal('new!'.repeat(page / 2))
    expect(lstatSync(file, { bigint: true }).ctimeNs, 'ctime').to.equal(ctimeNs)
    const { record } = await takeSnapshot(store.context, { kind: 'manual', checksum: true })
    expect(contentIn(join(store.dataIn(record.name), 'file'))).to.equal('new!'.repeat(page / 2))
  })
})

function contentIn(path: string): string {
  return readFileSync(path, 'latin1')
}
