import { expect } from 'chai'
import type { RunLine } from '../../../src/remote/protocol.ts'
import { Run } from '../../../src/remote/run.ts'

const start = (): Run => new Run('show', new Date(0), false)

async function allOf(lines: AsyncIterable<RunLine>): Promise<RunLine[]> {
  const all: RunLine[] = []
  for await (const line of lines) all.push(line)
  return all
}

describe('what a run prints', () => {
  it('is followed from its beginning to its end, by who comes early and who comes late', async () => {
    const run = start()
    const early = allOf(run.follow(0))
    run.print('stdout', 'one\n')
    await Promise.resolve()
    run.print('stderr', 'two\n')
    run.finish(3)
    const expected = [
      { type: 'run', id: run.id, command: 'show', startedAt: '1970-01-01T00:00:00.000Z' },
      { type: 'stdout', text: 'one\n' },
      { type: 'stderr', text: 'two\n' },
      { type: 'exit', exitCode: 3 },
    ]
    expect(await early).to.deep.equal(expected)
    expect(await allOf(run.follow(0))).to.deep.equal(expected)
    expect(run.exitCode).to.equal(3)
  })

  it('is followed from a line on by who comes back', async () => {
    const run = start()
    run.print('stdout', 'one\n')
    run.finish(0)
    expect(await allOf(run.follow(2))).to.deep.equal([{ type: 'exit', exitCode: 0 }])
    expect(await allOf(run.follow(99))).to.deep.equal([])
  })

  it('is kept only so far, and what is lost is told of', async () => {
    const run = start()
    const megabyte = 'x'.repeat(1024 * 1024)
    for (let count = 0; count < 9; count += 1) run.print('stdout', megabyte)
    run.finish(0)
    const [first, ...others] = await allOf(run.follow(0))
    expect(first).to.deep.equal({ type: 'skipped', lines: 7 })
    expect(others.map(({ type }) => type)).to.deep.equal(['stdout', 'stdout', 'stdout', 'exit'])
  })

  it('is kept at least by its last piece', async () => {
    const run = start()
    run.print('stdout', 'x'.repeat(9 * 1024 * 1024))
    expect(await run.follow(1).next()).to.have.nested.property('value.type', 'stdout')
  })
})
