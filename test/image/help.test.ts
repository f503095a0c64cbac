import { expect } from 'chai'
import { type Finished, runContainer } from '../support/docker.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'

async function run(command: string[], options: string[] = []): Promise<Finished> {
  return runContainer(productImage, { command, options })
}

describeOnEngine('a container without any mount', () => {
  for (const words of [[], ['help'], ['--help']]) {
    it(`prints the help for: ${['docker', 'run', 'IMAGE', ...words].join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await run(words)
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
      expect(stdout).to.contain('Examples:').and.contain('start').and.contain('restore')
    })
  }

  it('prints the help of one command', async () => {
    expect((await run(['help', 'restore'])).stdout).to.contain('snap-volume restore --undo')
  })

  it('prints the help as JSON', async () => {
    const { commands } = JSON.parse((await run(['help', '--json'])).stdout) as {
      commands: { name: string }[]
    }
    expect(commands.map(({ name }) => name)).to.include.members(['start', 'show', 'restore'])
  })

  const needsNothing: [words: string[], prints: string][] = [
    [['help'], 'Examples:'],
    [['help', '--man'], '.TH SNAP'],
    [['completion', 'bash'], 'complete -F'],
    [['completion', 'zsh'], '#compdef snap-volume'],
  ]
  for (const [words, prints] of needsNothing) {
    it(`needs neither network, nor capabilities, nor anything to write for ${words.join(' ')}`, async () => {
      const options = ['--network', 'none', '--read-only', '--cap-drop', 'ALL', '--user', '65534']
      const { exitCode, stdout, stderr } = await run(words, options)
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
      expect(stdout).to.contain(prints)
    })
  }

  const commands = [
    ['show'],
    ['show', '-a'],
    ['snapshot'],
    ['restore', 'latest'],
    ['prune'],
    ['samba-config'],
    ['subvolume', 'mysql', '--yes'],
  ]
  for (const words of commands) {
    it(`says in one line that ${words.join(' ')} needs a store and how to reach one`, async () => {
      const { exitCode, stdout, stderr } = await run(words)
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 1, stdout: '' })
      expect(stderr).to.match(/^snap-volume: there is no store at \/opt\/\.snap: .*--volumes-from/)
      expect(stderr.split('\n')).to.have.length(1)
    })
  }

  it('says it as JSON too', async () => {
    const { exitCode, stdout } = await run(['show', '--json'])
    expect(exitCode).to.equal(1)
    expect(JSON.parse(stdout)).to.include({ type: 'error', exitCode: 1 })
  })

  it('refuses a command that is none, with those there are', async () => {
    const { exitCode, stderr } = await run(['shwo'])
    expect(exitCode).to.equal(2)
    expect(stderr).to.match(/^snap-volume: there is no command "shwo".*show.*$/)
  })
})
