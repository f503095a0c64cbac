import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { docker, execIn, testLabel, tryDocker } from '../support/docker.ts'
import { eventually, logLine } from './support/eventually.ts'
import { commandsInSection } from './support/markdown.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import { succeeded } from './support/sidecar.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const mariadbImage = 'snap-volume-test/mariadb'

let scratch: string

/**
 * Runs a documented command in `scratch`, with names and images of the test in place of the
 * documented ones.
 */
async function run(command: string, names: readonly (readonly [RegExp, string])[]) {
  const ours = names.reduce((text, [name, own]) => text.replaceAll(name, own), command)
  const line = ours.startsWith('docker run')
    ? ours
        .replace('docker run', `docker run --label ${testLabel}`)
        .replace(/(?<=\s)snap-volume(?=\s|$)/, productImage)
        .replace('mariadb:11', mariadbImage)
    : ours
  return (await execa('bash', ['-c', line], { cwd: scratch, stdin: 'ignore' })).stdout
}

async function sql(server: string, text: string): Promise<string> {
  const command = ['mariadb', '--skip-column-names', '-e', text]
  return eventually(`an answer to ${text}`, async () => {
    const { exitCode, stdout } = await execIn(server, ...command)
    return exitCode === 0 ? stdout : undefined
  })
}

/** Runs the commands under a heading of a page, and returns what they print. */
async function followPage(
  page: string,
  heading: string,
  names: readonly (readonly [RegExp, string])[],
): Promise<string> {
  const outputs: string[] = []
  for (const command of await commandsInSection(join(repository, page), heading)) {
    outputs.push(await run(command, names))
  }
  return outputs.join('\n')
}

/** The same of a section that starts a sidecar, which has to be ready before the next command. */
async function startAndFollow(
  page: string,
  heading: string,
  names: readonly (readonly [RegExp, string])[],
  sidecar: string,
): Promise<void> {
  for (const command of await commandsInSection(join(repository, page), heading)) {
    await run(command, names)
    if (command.startsWith('docker run -d')) await logLine(sidecar, / started: /)
  }
}

const makeShop = 'CREATE DATABASE shop; CREATE TABLE shop.fruit SELECT "plum" AS name'
const breakShop = 'UPDATE shop.fruit SET name = "none"'
const readShop = 'SELECT name FROM shop.fruit'

describeOnEngine('the documented docker commands', () => {
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'docker-commands-'))
  })

  afterEach(async () => {
    await rm(scratch, { recursive: true, force: true })
  })

  it('of examples/docker-commands.md do what is said of them', async () => {
    const shop = `docker-commands-${process.pid}`
    const [sidecar, server] = [`${shop}-vol`, `${shop}-db`]
    const volumes = [`${shop}-data`, `${shop}-snapshots`]
    let newest = ''
    const follow = async (heading: string, page?: string): Promise<string> =>
      followPage(page ?? 'examples/docker-commands.md', heading, [
        [/\bshop-(?=vol|db|data|snapshots|cop)/g, `${shop}-`],
        [/@GMT-[\d.-]+\d/g, newest],
      ])
    try {
      await follow('Start both')
      await logLine(sidecar, / started: /)
      await sql(server, makeShop)
      await follow('Take a snapshot now')
      const seen = await follow('See what there is')
      expect(seen).to.match(/ paused .*before the upgrade/)
      newest = /@GMT-[\d.-]+\d/.exec(seen)?.[0] ?? ''
      await sql(server, breakShop)
      expect(await follow('Restore')).to.match(/would become[^]*is as it was in/)
      expect(await sql(server, readShop)).to.equal('plum')
      await follow('Go back to what the restore replaced')
      expect(await sql(server, readShop)).to.equal('none')
      await follow('Get at one file of a snapshot')
      expect(await readdir(join(scratch, 'shop-as-it-was'))).to.include('fruit.ibd')
      const onACopy = 'docs/try-on-a-copy.md'
      expect(await follow('Try the upgrade on a copy', onACopy)).to.contain('by overlay')
      expect(await sql(`${shop}-copy-db`, readShop)).to.equal('plum')
      await follow('Take rows out', onACopy)
      expect(await readFile(join(scratch, 'fruit.sql'), 'utf8')).to.contain('plum')
      expect(await follow('See what the server changed, and keep it', onACopy)).to.match(/^mysql: /)
      await follow('When you are done', onACopy)
      await follow('Without the Docker API', onACopy)

      const deleted = 'docs/deleted-a-table.md'
      await sql(server, 'DROP TABLE shop.fruit')
      expect(await follow('Find the snapshot', deleted)).to.contain('gone since')
      await follow('Start a server on it', deleted)
      expect(await sql(`${shop}-copy-db`, readShop)).to.equal('plum')
      await follow('Bring the table back', deleted)
      expect(await sql(server, readShop)).to.equal('plum')
      await follow('Tidy up', deleted)
      expect(await follow('Try it', 'docs/prove.md')).to.match(
        /proved +\S+: healthy by its health check/,
      )
      expect(await follow('Use the snapshots without the sidecar')).to.contain(newest)
      await follow('Change a setting, or upgrade')
      await logLine(sidecar, / started: /)
      expect(succeeded(await execIn(sidecar, 'snap-volume', 'show', '-a'))).to.contain(newest)
      await follow('Remove everything')
      const left = await docker('volume', 'ls', '--format', '{{.Name}}')
      expect(left.split('\n').filter((name) => volumes.includes(name))).to.deep.equal([])
    } finally {
      const copies = [`${shop}-copy`, `${shop}-copied`]
      await tryDocker('rm', '--force', sidecar, server, ...copies.map((copy) => `${copy}-db`))
      await tryDocker('volume', 'rm', '--force', ...volumes, ...copies)
    }
  })

  it('of the README do what is said of them', async () => {
    const own = `readme-${process.pid}`
    const [sidecar, server, other] = [`${own}-vol`, `${own}-db`, `${own}-there`]
    const commands = (await commandsInSection(join(repository, 'README.md'), 'Use it'))
      // the image is there already
      .filter((command) => !command.startsWith('docker build '))
    const next = async (pattern: RegExp): Promise<string> => {
      const command = commands.shift() ?? ''
      expect(command).to.match(pattern)
      return run(command, [
        [/\bmysql-vol\b/g, sidecar],
        [/(?<= )db\b(?=\s|$)/g, server],
        [/\/export\//g, `${scratch}/export/`],
        [/@GMT-[\d.-]+\d/g, 'latest'],
        // there is no terminal
        [/(?<= )-(it|t) /g, ''],
      ])
    }
    const stopRestoreStart = async (pattern: RegExp): Promise<void> => {
      await next(/^docker stop /)
      await next(pattern)
      await next(/^docker start /)
    }
    try {
      await next(/ start mysql:/)
      await logLine(sidecar, / started: /)
      await next(/ mariadb:11$/)
      await sql(server, makeShop)
      await next(/ snapshot -m /)
      expect(await next(/ show$/)).to.contain('before the upgrade')
      await next(/ show -a$/)
      await sql(server, breakShop)
      await stopRestoreStart(/ restore @GMT-/)
      expect(await sql(server, readShop)).to.equal('plum')
      await stopRestoreStart(/ restore --undo$/)
      expect(await sql(server, readShop)).to.equal('none')
      expect(commands).to.deep.equal([])

      const names = [
        [/\bmysql-vol\b/g, sidecar],
        [/(?<!backup:)\/export\//g, `${scratch}/export/`],
        [/backup:\/export\//g, `${scratch}/there/export/`],
      ] as const
      expect(await followPage('docs/keep-snapshots.md', 'See what would go', names)).to.match(
        /keep +@GMT-/,
      )
      await mkdir(join(scratch, 'there/export/.snapshot/mysql'), { recursive: true })
      await followPage('docs/another-host.md', 'Copy the store', names)
      const there = [
        [/\bmysql-vol\b/g, other],
        [/\/export\//g, `${scratch}/there/export/`],
      ] as const
      const page = join(repository, 'docs/another-host.md')
      const [start = '', ...rest] = await commandsInSection(page, 'Use it there')
      await run(start, there)
      await logLine(other, / started: /)
      let used = ''
      for (const command of rest) used += await run(command, there)
      expect(used).to.contain('before the upgrade')
      expect(used).to.match(/is as it was in/)
      const restored = join(scratch, 'there/export/data/mysql/shop')
      expect(await readdir(restored)).to.include('fruit.ibd')
      const accepted = await execIn(other, 'snap-volume', 'snapshot', '--accept-changes')
      expect(accepted.exitCode, accepted.stderr).to.equal(0)

      const died = 'docs/disk-died.md'
      const fruit = async (directory: string): Promise<string[]> =>
        readdir(join(scratch, directory, 'shop'))
      await followPage(died, 'Before it happens', names)
      await tryDocker('stop', server)
      await startAndFollow(died, 'The disk of the data died, the store is there', names, sidecar)
      expect(await fruit('export/new-disk/mysql')).to.include('fruit.ibd')

      await tryDocker('rm', '--force', '--volumes', sidecar)
      await startAndFollow(
        died,
        'All of it is gone',
        [
          [/\bmysql-vol\b/g, sidecar],
          [/\/export\/(?!backup)/g, `${scratch}/all-new/`],
          [/\/export\//g, `${scratch}/export/`],
        ],
        sidecar,
      )
      expect(await fruit('all-new/data/mysql')).to.include('fruit.ibd')
      await followPage(died, 'There is no snap-volume either', names)
      expect(await fruit('export/rebuilt')).to.include('fruit.ibd')
    } finally {
      await tryDocker('rm', '--force', '--volumes', sidecar, server, other)
    }
  })

  it('of docs/restore-one-file.md do what is said of them', async () => {
    const sidecar = `one-file-${process.pid}-vol`
    const letters = join(scratch, 'files/letters')
    const letter = join(letters, 'offer.odt')
    await mkdir(letters, { recursive: true })
    await writeFile(letter, 'as it was')
    await utimes(letter, 1, 1)
    const volumes = ['-v', `${scratch}/files:/srv/files`, '-v', `${scratch}/store:/opt/.snap`]
    const start = [productImage, 'start', 'files:/srv/files']
    try {
      await docker('run', '-d', '--label', testLabel, '--name', sidecar, ...volumes, ...start)
      await logLine(sidecar, / started: /)
      succeeded(await execIn(sidecar, 'snap-volume', 'snapshot'))
      await writeFile(letter, 'as it should not be')
      const follow = async (heading: string): Promise<string> =>
        followPage('docs/restore-one-file.md', heading, [
          [/\bfiles-vol\b/g, sidecar],
          [/@GMT-\d[\d.-]+\d/g, name],
        ])
      let name = ''
      const found = await follow('Find it')
      name = /@GMT-[\d.-]+\d/.exec(found)?.[0] ?? ''
      expect(found).to.match(/@GMT-\S+ .* 1970-01-01T00:00:01Z/)
      expect(found).to.match(/offer\.odt +@GMT-\S+ +@GMT-\S+, live/)
      await follow('Copy it out')
      expect(await readFile(join(scratch, 'offer-as-it-was.odt'), 'utf8')).to.equal('as it was')
      await follow('Put it back')
      expect(await readFile(letter, 'utf8')).to.equal('as it was')
      expect((await stat(letter)).mtimeMs).to.equal(1000)
    } finally {
      await tryDocker('rm', '--force', '--volumes', sidecar)
    }
  })
})
