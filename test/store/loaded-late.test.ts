import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Environment } from '../support/cli.ts'
import { skipBecause } from '../support/skip.ts'
import { whyNoStrace } from '../support/strace.ts'
import { useStore } from '../support/test-store.ts'

/** What a command that only looks has no use for. */
const heavy = ['dockerode', 'hono', '@hono/node-server', 'prom-client', 'nodemailer', 'node-cron']

describe('What is loaded late', () => {
  const store = useStore()

  before(async function () {
    const why = await whyNoStrace()
    if (why !== undefined) skipBecause(this, why)
  })

  beforeEach(async () => {
    await store.snapshot()
  })

  /** Those of `heavy` that are in the files of the program which the command opens. */
  async function loadedBy(words: string[], env: Environment = {}): Promise<string[]> {
    const trace = join(store.directory, 'trace')
    const through = ['strace', '-f', '-qq', '-e', 'trace=open,openat', '-o', trace]
    expect((await store.run(words, { through, env })).exitCode).to.be.oneOf([0, 1, 3])
    const opened = readFileSync(trace, 'utf8').matchAll(/"([^"]+\/dist\/[^"]+\.js)"/g)
    const texts = [...new Set([...opened].map(([, file = '']) => file))].map((file) =>
      readFileSync(file, 'utf8'),
    )
    expect(texts).not.to.have.length(0)
    return heavy.filter((name) => texts.some((text) => text.includes(`// node_modules/${name}/`)))
  }

  it('is seen here: doctor looks for the Docker API', async () => {
    const nobody = { DOCKER_HOST: 'unix:///nowhere.sock' }
    expect(await loadedBy(['doctor'], nobody)).to.include('dockerode')
  })

  for (const words of [['help'], ['show'], ['show', 'latest'], ['status'], ['version']]) {
    it(`is not loaded by ${words.join(' ')}`, async () => {
      expect(await loadedBy(words)).to.deep.equal([])
    })
  }
})
