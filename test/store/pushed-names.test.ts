import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { lastDocumentOf } from '../support/cli.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { useStore } from '../support/test-store.ts'

describe('Snapshots that version 0.1 named after one of 2099', () => {
  const store = useStore()

  /** Gives a snapshot the name that it would have, and leaves its start in the record. */
  function push(name: string, second: number): string {
    const pushed = `@GMT-2099.01.01-00.00.0${second}`
    const file = join(store.directory, name, '.snapshot.json')
    const record = JSON.parse(readFileSync(file, 'utf8')) as object
    writeFileSync(file, JSON.stringify({ ...record, name: pushed }))
    renameSync(join(store.directory, name), join(store.directory, pushed))
    return pushed
  }

  async function pushed(count: number): Promise<{ names: string[]; starts: string[] }> {
    const starts: string[] = []
    for (let taken = 0; taken < count; taken += 1) starts.push(await store.snapshot())
    return { names: starts.map((name, index) => push(name, index + 1)), starts }
  }

  it('get the names of their starts, in their order', async () => {
    const { names, starts } = await pushed(3)
    const plan = await store.run(['rename', '--dry-run'])
    for (const [index, name] of names.entries()) {
      expect(plan.stdout).to.match(new RegExp(`^${name} would become @GMT-`, 'm'), starts[index])
    }
    expect(store.snapshotNames()).to.deep.equal(names)
    const renamed = await store.run(['rename', '--json'])
    expect(renamed.exitCode, renamed.stderr).to.equal(0)
    const { renames } = lastDocumentOf(renamed) as { renames: { from: string; to: string }[] }
    expect(renames.map(({ from }) => from)).to.deep.equal(names)
    expect(store.snapshotNames()).to.deep.equal(renames.map(({ to }) => to))
    expect((await store.run(['rename'])).stdout).to.equal('No snapshot is of the future.\n')
    expect((await store.run(['show', '--log'])).stdout).to.contain(`rename of ${names[0]} to `)
  })

  it('get the next second where a name is taken', async () => {
    const { names, starts } = await pushed(1)
    const [start = ''] = starts
    writeFileSync(join(store.directory, start), 'of somebody else')
    const renamed = await store.run(['rename'])
    expect(renamed.exitCode, renamed.stderr).to.equal(0)
    const { snapshots } = lastDocumentOf(await store.run(['show', '--json'])) as unknown as {
      snapshots: { name: string; formerNames: string[] }[]
    }
    expect(snapshots).to.have.length(1)
    expect(snapshots[0]?.formerNames).to.deep.equal(names)
    expect((snapshots[0]?.name ?? '') > start).to.equal(true)
    rmSync(join(store.directory, start))
  })

  it('are all there wherever the renaming is killed, and get their names the next time', async function () {
    const why = await whyNoStrace()
    if (why !== undefined) skipBecause(this, why)
    await pushed(2)
    let kills = 0
    for (let at = 1; at <= 12; at += 1) {
      const inject = `--inject=rename:signal=SIGKILL:when=${at}`
      const through = ['strace', '--quiet=all', '--output=/dev/null', '--trace=rename', inject]
      const { exitCode } = await store.run(['rename'], { through }).catch(() => ({ exitCode: -1 }))
      const { snapshots, damaged } = lastDocumentOf(await store.run(['show', '--json'])) as {
        snapshots: unknown[]
        damaged: unknown[]
      }
      expect([snapshots.length, damaged.length], `killed at rename ${at}`).to.deep.equal([2, 0])
      if (exitCode === 0) break
      kills += 1
    }
    expect(kills).to.be.at.least(2)
    expect((await store.run(['rename'])).exitCode).to.equal(0)
    expect(store.snapshotNames().every((name) => name < '@GMT-2090')).to.equal(true)
  })
})
