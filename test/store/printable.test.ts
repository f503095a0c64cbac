import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { lastDocumentOf, startDaemon } from '../support/cli.ts'
import { useStore } from '../support/test-store.ts'

const escape = '\u001b'
const red = `${escape}[31mred`

describe('What others wrote cannot steer the terminal:', () => {
  const store = useStore()

  async function expectHarmless(...words: string[]): Promise<void> {
    const { stdout, stderr } = await store.run(words)
    expect(stdout + stderr)
      .to.include('\\x1b[31mred')
      .and.not.include(escape)
  }

  it('a comment in the list', async () => {
    await store.snapshot('-m', red)
    await expectHarmless('show')
  })

  it('a comment in the record', async () => {
    await store.snapshot('-m', red)
    await expectHarmless('show', 'latest')
  })

  it('a comment is kept as it was in JSON', async () => {
    await store.snapshot('-m', red)
    const document = lastDocumentOf(await store.run(['show', 'latest', '--json']))
    expect(document['comment']).to.equal(red)
  })

  it('a comment of two lines stays on one line', async () => {
    await store.snapshot('-m', 'one\n@GMT-2001.01.01-00.00.00')
    const { stdout } = await store.run(['show'])
    expect(stdout.trim().split('\n')).to.have.length(2)
  })

  it('the value of a label', async () => {
    await store.snapshot('--label', `colour=${red}`)
    await expectHarmless('show')
    await expectHarmless('show', 'latest')
  })

  it('a name in the plan of a restore', async () => {
    await store.snapshot()
    await writeFile(join(store.data, red), '')
    const { stdout } = await store.run(['restore', 'latest', '--dry-run'])
    expect(stdout)
      .to.match(/delete .*\[31mred/)
      .and.not.include(escape)
  })

  describe('the path of a volume', () => {
    let odd: string

    beforeEach(async () => {
      odd = `${store.data}-${red}`
      await mkdir(odd)
      await writeFile(join(odd, 'file'), '')
    })

    it('in the log of start', async () => {
      const daemon = await startDaemon([`data:${odd}`], { env: store.env })
      await daemon.stop()
      expect(daemon.output()).to.include('[31mred').and.not.include(escape)
    })

    it('in show -a and while it is read', async () => {
      const daemon = await startDaemon([`data:${odd}`], { env: store.env })
      await daemon.stop()
      await expectHarmless('snapshot')
      await expectHarmless('show', '-a')
    })

    it('in an error', async () => {
      const finished = await store.run(['start', `data:${odd}/nowhere`])
      expect(finished.stderr).to.include('[31mred').and.not.include(escape)
    })
  })
})
