import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Daemon, Environment } from '../support/cli.ts'
import { freePort } from '../support/free-port.ts'
import { type OnTerminal, launchOnTerminal } from '../support/on-terminal.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const question = '[y/n] '
const ctrlC = '\u0003'

describe('The question of a restore on a terminal', () => {
  let store: TestStore
  let daemon: Daemon
  let overNetwork: Environment

  before(async () => {
    store = await makeStore()
    const port = await freePort()
    const token = 'a-token-of-these-tests'
    daemon = await store.startDaemon({
      env: { SNAP_TOKEN: token, SNAP_LISTEN: `127.0.0.1:${port}` },
    })
    overNetwork = { SNAP_TOKEN: token, SNAP_HOST: `127.0.0.1:${port}`, SNAP_DIR: '/nowhere' }
    await store.snapshot()
  })

  after(async () => {
    await daemon?.stop()
    await store?.remove()
  })

  beforeEach(() => writeFile(file(), 'other\n'))

  const file = (): string => join(store.data, 'hello.txt')
  const isRestored = async (): Promise<boolean> => (await readFile(file(), 'utf8')) !== 'other\n'

  for (const [where, envOf] of [
    ['here', () => store.env],
    ['over the network', () => overNetwork],
  ] as const) {
    const ask = (): OnTerminal => launchOnTerminal(['restore', 'latest'], envOf())

    it(`is answered y by that key alone, ${where}`, async () => {
      const terminal = ask()
      await terminal.appeared(question)
      terminal.type('y')
      expect((await terminal.end()).exitCode).to.equal(0)
      expect(await isRestored()).to.equal(true)
    })

    for (const [name, key] of [
      ['n', 'n'],
      ['Ctrl-C', ctrlC],
    ] as const) {
      it(`is answered no by ${name} alone, ${where}`, async () => {
        const terminal = ask()
        await terminal.appeared(question)
        terminal.type(key)
        const { exitCode, text } = await terminal.end()
        expect(exitCode).to.equal(130)
        expect(text).to.contain('not restored, nothing was changed')
        expect(await isRestored()).to.equal(false)
      })
    }

    it(`is not answered by a y that was typed before it, ${where}`, async () => {
      const terminal = ask()
      terminal.type('y')
      await terminal.appeared(question)
      terminal.type('n')
      expect((await terminal.end()).exitCode).to.equal(130)
      expect(await isRestored()).to.equal(false)
    })

    it(`is answered no by an n that was typed before it, ${where}`, async () => {
      const terminal = ask()
      terminal.type('n')
      const { exitCode, text } = await terminal.end()
      expect(exitCode).to.equal(130)
      expect(text).to.contain(question)
      expect(await isRestored()).to.equal(false)
    })
  }

  it('says in a container that nobody can type without -i', async () => {
    const terminal = launchOnTerminal(
      ['restore', 'latest'],
      { ...store.env, SNAP_VOLUME_IMAGE: 'true' },
      // where the Docker API of this machine is not to be seen
      (command) => `unshare --mount sh -c 'mount -t tmpfs none /run && exec ${command}'`,
    )
    await terminal.appeared(question)
    terminal.type('n')
    const { text } = await terminal.end()
    expect(text).to.match(/^Nobody can type here if docker was given -t without -i/m)
  })
})
