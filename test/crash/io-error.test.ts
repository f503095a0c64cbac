import { expect } from 'chai'
import { join } from 'node:path'
import { Bench } from './support/bench.ts'
import type { Ended } from './support/process-group.ts'
import { checkCutOffRestore } from './support/restore-checks.ts'
import { type Injection, startTraced } from './support/snap-volume.ts'
import { describeSample } from '../support/sample.ts'

const fault = 'error=EIO'

describeSample({ tests: 6 }, 'An I/O error', function () {
  this.timeout(60_000)
  let bench: Bench

  beforeEach(async () => {
    bench = await Bench.create()
    bench.writeNextGeneration()
  })

  afterEach(async () => {
    await bench.remove()
  })

  async function failsToSnapshot(injection: Injection): Promise<void> {
    const before = bench.before()
    const ended = await startTraced(bench.command(['snapshot']), injection).ended
    expect(bench.check(before), 'nothing is published').to.equal(undefined)
    expect(ended.exitCode, ended.stderr).to.equal(1)
    await bench.takesCleanSnapshot()
  }

  it('of syncfs publishes nothing', async () => {
    await failsToSnapshot(inChildren('syncfs'))
  })

  it('of the fsync of the record publishes nothing', async () => {
    await failsToSnapshot({ calls: 'fsync', fault, when: 1 })
  })

  it('of the fsync of the staging directory publishes nothing', async () => {
    await failsToSnapshot({ calls: 'fsync', fault, when: 2 })
  })

  it('of the rename publishes nothing', async () => {
    await failsToSnapshot({ calls: 'rename', fault, when: 1 })
  })

  it('of the fsync of the store after the rename publishes nothing', async () => {
    await failsToSnapshot({ calls: 'fsync', fault, when: 3 })
  })

  it('of a read of the source publishes nothing', async () => {
    const path = join(bench.volumes.db, 'replaced-5')
    await failsToSnapshot({ ...inChildren('read,pread64,copy_file_range'), path, when: '1+' })
  })

  it('of a directory of the source publishes nothing', async () => {
    const path = join(bench.volumes.db, 'still')
    await failsToSnapshot({ ...inChildren('getdents64'), path, when: '1+' })
  })

  for (const when of [1, 3, 4, 5, 6, 7, 8, 9]) {
    it(`of the fsync number ${when} of a restore leaves nothing half done untold`, async () => {
      const [first = ''] = bench.names
      const before = bench.before()
      const command = bench.command(['restore', first])
      const ended = await startTraced(command, { calls: 'fsync', fault, when }).ended
      await checkCutOffRestore(bench, before, first, 'undo')
      // what was done is right then, and only not noted
      const isOfLog = ended.stderr.includes('cannot be noted')
      expect(ended.exitCode, ended.stderr).to.equal(isOfLog ? 0 : 1)
      await bench.takesCleanSnapshot()
    })
  }

  const places: readonly { title: string; args: string[]; injection: Injection }[] = [
    { title: 'syncfs', args: ['snapshot'], injection: inChildren('syncfs') },
    {
      title: 'the fsync of the record',
      args: ['snapshot'],
      injection: { calls: 'fsync', fault, when: 1 },
    },
    { title: 'the rename', args: ['snapshot'], injection: { calls: 'rename', fault, when: 1 } },
    {
      title: 'the fsync of the restore journal',
      args: ['restore', 'latest'],
      injection: { calls: 'fsync', fault, when: 5 },
    },
  ]
  for (const { title, args, injection } of places) {
    it(`of ${title} is told in one clear line`, async () => {
      expectOneClearLine(await startTraced(bench.command(args), injection).ended)
    })
  }
})

function inChildren(calls: string): Injection {
  return { calls, fault, when: 1, children: true }
}

function expectOneClearLine({ exitCode, stderr }: Ended): void {
  expect(exitCode, stderr).to.equal(1)
  const lines = stderr.split('\n').filter((line) => line.startsWith('snap-volume: '))
  expect(lines, stderr).to.have.length(1)
  expect(lines[0]).to.match(/EIO|[Ii]nput\/output error/)
  expect(lines[0]).to.not.include('not foreseen')
}
