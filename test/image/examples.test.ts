import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { docker, engineMissing, testLabel, waitForHealthy } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { commandsUnder, composeRunner, findCompose } from './support/compose.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const mariadbImage = 'snap-volume-test/mariadb'
const quickStart = join(examples, 'quickstart.sh')

let scratch: string

/** Gives each test of the running suite a directory of its own. */
function useScratch(): void {
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'examples-'))
  })
  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true })
  })
}

describe('examples/quickstart.sh', function () {
  this.timeout(180_000)
  useScratch()

  it('explains itself with --help', async () => {
    const { exitCode, stdout } = await startStory(['--help'])
    expect(exitCode).to.equal(0)
    expect(stdout).to.contain('--without-docker')
  })

  it('refuses an option that it does not have', async () => {
    const { exitCode, stderr } = await startStory(['--with-podman'])
    expect(exitCode).to.equal(2)
    expect(stderr).to.contain("'--with-podman'").and.to.contain('--help')
  })

  it('asks for root', async () => {
    const PATH = await stub('id', 'case $1 in -u) echo 1000 ;; *) echo ann ;; esac')
    const { exitCode, stdout, stderr } = await startStory([], { PATH })
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 1, stdout: '' })
    expect(stderr).to.match(/^you are ann, not root: .*sudo.*$/)
  })

  it('asks for Debian or Ubuntu', async () => {
    const PATH = await stub('uname', 'echo Darwin')
    const { exitCode, stdout, stderr } = await startStory([], { PATH })
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 1, stdout: '' })
    expect(stderr).to.match(/^this is Darwin, not Linux: .*Debian or Ubuntu.*$/)
  })

  describe('without Docker', () => {
    it('says each command, brings the files back, and leaves nothing behind', async () => {
      const story = startStory(['--without-docker'])
      const { exitCode, stdout, stderr } = await story
      expect(exitCode, stderr).to.equal(0)
      expect(printedCommands(stdout).join('\n')).to.match(
        / start data:[^]* snapshot -m [^]*rm -r data[^]* latest --dry-run\n[^]* latest --yes\n/,
      )
      const [before, after] = stdout.split('restore latest --yes')
      expect(before).to.contain('three apples for Ann')
      expect(after).to.contain('three apples for Ann')
      expect(await leftovers(story.pid)).to.deep.equal([])
    })

    it('fails when what came back is something else', async () => {
      const PATH = await stub('sort', 'cat; echo "$RANDOM.$RANDOM"')
      const story = startStory(['--without-docker'], { PATH })
      const { exitCode, stderr } = await story
      expect(exitCode).to.equal(1)
      expect(stderr).to.contain('the files did not come back')
      expect(await leftovers(story.pid)).to.deep.equal([])
    })

    it('is the story told where no Engine answers', async () => {
      const { exitCode, stdout } = await startStory([], { DOCKER_HOST: 'unix:///nowhere.sock' })
      expect(exitCode).to.equal(0)
      expect(stdout).to.match(/^No Docker Engine can run here \(.*nowhere\.sock.*\)/)
      expect(stdout).to.contain('The files came back')
    })

    for (const [NO_COLOR, expected] of [
      ['', true],
      ['1', false],
    ] as const) {
      it(`has ${expected ? 'colours' : 'no colours with NO_COLOR'} on a terminal`, async () => {
        const command = `'${quickStart}' --without-docker`
        const { stdout } = await execa('script', ['-q', '-e', '-c', command, '/dev/null'], {
          env: { TMPDIR: scratch, TERM: 'xterm', NO_COLOR },
          stdin: 'ignore',
        })
        expect(stdout.includes('\u001B[1m')).to.equal(expected)
      })
    }
  })

  describe('with Docker', () => {
    const image = 'snap-volume:latest'
    let hadImage = true

    before(async function () {
      if (engineMissing !== undefined) skipBecause(this, engineMissing)
      hadImage = (await docker('images', '--quiet', image)) !== ''
    })

    after(async () => {
      if (!hadImage) await docker('rmi', '--no-prune', image)
    })

    it('brings the rows back, and leaves nothing behind', async () => {
      const story = startStory([])
      const { exitCode, stdout, stderr } = await story
      expect(exitCode, stderr).to.equal(0)
      const [before, after] = stdout.split('DROP TABLE')
      expect(before).to.contain('| cherry |   900 |')
      expect(after).to.contain("Table 'shop.fruit' doesn't exist")
      expect(after).to.contain('| cherry |   900 |')
      expect(before).to.match(/ paused .*before the clean-up/)
      expect(stdout).not.to.contain('\u001B')
      expect(await leftovers(story.pid)).to.deep.equal([])
    })

    it('runs the very commands that it prints', async () => {
      const log = join(scratch, 'ran')
      const record = `{ printf '%q ' "$@"; echo; } >>'${log}'`
      const PATH = await stub('docker', `${record}; exec '${await realDocker()}' "$@"`)
      const { stdout } = await startStory([], { PATH })
      const ran = await takeLines(log)
      await stub('docker', record)
      for (const command of printedCommands(stdout)) {
        await execa('bash', ['-c', command], { env: { PATH } })
      }
      const typed = await takeLines(log)
      expect(typed).to.have.length.above(11)
      expect(ran.filter((line) => typed.includes(line))).to.deep.equal(typed)
    })

    it('fails when the rows do not come back', async () => {
      const doNotRestore = `[[ $* == *' restore latest --yes' ]] || exec '${await realDocker()}' "$@"`
      const PATH = await stub('docker', doNotRestore)
      const story = startStory([], { PATH })
      const { exitCode, stderr } = await story
      expect(exitCode).to.equal(1)
      expect(stderr).to.contain('the rows did not come back')
      expect(await leftovers(story.pid)).to.deep.equal([])
    })

    it('removes what it made when it is ended half-way', async () => {
      const story = startStory([])
      story.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes(' snapshot -m ')) story.kill('SIGTERM')
      })
      const { exitCode } = await story
      expect(exitCode).to.equal(143)
      expect(await leftovers(story.pid)).to.deep.equal([])
    })
  })
})

describeOnEngine('examples/compose.yaml', () => {
  useScratch()
  let compose: string

  before(async function () {
    const found = await findCompose()
    if (found === undefined) {
      skipBecause(this, 'there is neither docker-compose nor the plugin of docker')
    }
    compose = found
  })

  it('does what its comments say', async () => {
    const project = `snap-volume-example-${process.pid}`
    const settings = join(scratch, 'test.yaml')
    await writeFile(settings, overrides)
    const file = join(examples, 'compose.yaml')
    const run = composeRunner(compose, project, [file, settings])
    const inDatabase = async (sql: string) =>
      (await run(`docker compose exec db mariadb --skip-column-names -e '${sql}'`)).trim()
    const follow = async (heading: string) => {
      const outputs: string[] = []
      for (const command of await commandsUnder(file, heading)) outputs.push(await run(command))
      await waitForHealthy(await run('docker compose ps --quiet db'))
      return outputs.join('\n')
    }
    try {
      await follow('Start both')
      await inDatabase('CREATE DATABASE shop; CREATE TABLE shop.fruit (name TEXT)')
      await inDatabase('INSERT INTO shop.fruit VALUES ("plum")')
      await follow('Take a snapshot now')
      expect(await follow('See the snapshots')).to.contain('before the upgrade')
      await inDatabase('UPDATE shop.fruit SET name = "none"')
      expect(await follow('Restore')).to.match(/would become[^]*is as it was in/)
      expect(await inDatabase('SELECT name FROM shop.fruit')).to.equal('plum')
      await follow('Go back')
      expect(await inDatabase('SELECT name FROM shop.fruit')).to.equal('none')
    } finally {
      await run('docker compose down --volumes')
    }
  })
})

describe('examples/systemd/snap-volume.service', () => {
  useScratch()

  it('is a unit that systemd takes', async function () {
    const unit = await readFile(join(examples, 'systemd/snap-volume.service'), 'utf8')
    const copy = join(scratch, 'snap-volume.service')
    await writeFile(copy, unit.replace('/usr/local/bin/snap-volume', program))
    const { exitCode, stdout, stderr, code } = await execa('systemd-analyze', ['verify', copy], {
      reject: false,
    })
    if (code === 'ENOENT') skipBecause(this, 'there is no systemd-analyze')
    expect({ exitCode, stdout, stderr }).to.deep.equal({ exitCode: 0, stdout: '', stderr: '' })
  })
})

/** Runs quickstart.sh to its end; its temporary files go into `scratch`. */
function startStory(options: string[], env: Record<string, string> = {}) {
  return execa(quickStart, options, {
    env: { TMPDIR: scratch, ...env },
    stdin: 'ignore',
    reject: false,
    // a busy machine needs longer than execa's five seconds to remove all
    forceKillAfterDelay: false,
  })
}

/** What a story left, whose process had this id: files, processes, containers, volumes. */
async function leftovers(pid: number | undefined): Promise<string[]> {
  const files = (await readdir(scratch)).filter((name) => name !== 'stubs' && name !== 'ran')
  const processes = await processesThatName(scratch)
  if (engineMissing !== undefined) return [...files, ...processes]
  const filter = ['--filter', `name=quickstart-${pid}-`]
  const containers = await docker('ps', '--all', '--format', '{{.Names}}', ...filter)
  const volumes = await docker('volume', 'ls', '--format', '{{.Name}}', ...filter)
  return [...files, ...processes, ...containers.split('\n'), ...volumes.split('\n')].filter(Boolean)
}

async function processesThatName(path: string): Promise<string[]> {
  const found: string[] = []
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // a process that has just ended names nothing
    const words = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')
    if (words.includes(path)) found.push(words.replaceAll('\0', ' '))
  }
  return found
}

/** The commands after `$ `, with the lines that continue them. */
function printedCommands(output: string): string[] {
  const commands: string[] = []
  let isOpen = false
  for (const line of output.split('\n')) {
    if (isOpen) commands.push(`${commands.pop()}\n${line}`)
    else if (line.startsWith('$ ')) commands.push(line.slice(2))
    else continue
    const command = commands.at(-1) ?? ''
    isOpen = command.endsWith('\\') || command.split('"').length % 2 === 0
  }
  return commands
}

/** Makes a bash script a command; gives the PATH in which it goes before all others. */
async function stub(name: string, script: string): Promise<string> {
  const directory = join(scratch, 'stubs')
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
  return `${directory}:${process.env['PATH']}`
}

async function realDocker(): Promise<string> {
  return (await execa('bash', ['-c', 'command -v docker'])).stdout
}

/** The lines of a file, which is gone afterwards. */
async function takeLines(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  await rm(file)
  return text.split('\n').slice(0, -1)
}

/** The images that test/run.sh builds, and the label by which it finds what is left. */
const overrides = `
services:
  snap: { image: '${productImage}', labels: ['${testLabel}'] }
  db: { image: '${mariadbImage}', labels: ['${testLabel}'] }
volumes:
  data: { labels: ['${testLabel}'] }
  snapshots: { labels: ['${testLabel}'] }
`
