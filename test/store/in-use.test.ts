import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Finished, lastDocumentOf, programFile } from '../support/cli.ts'
import { shellIn } from '../support/shell.ts'
import { type TestStore, useStore } from '../support/test-store.ts'

/**
 * Has a file open until it is killed, as `how` says: sysopen flags of perl(1), or what it does
 * then.
 */
async function keepOpen(file: string, how = 'O_RDONLY'): Promise<ChildProcess> {
  const script = `use Fcntl qw(:DEFAULT F_SETLEASE F_WRLCK);
    $SIG{IO} = 'IGNORE';
    sysopen(my $file, $ARGV[0], ${how}) or die $!;
    fcntl($file, F_SETLEASE, F_WRLCK) or die $! if $ARGV[1];
    $| = 1; print "ready\\n"; sleep 600`
  const child = spawn('perl', ['-e', script, file, how === 'O_RDWR' ? '1' : ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout ?? child, 'data')
  return child
}

async function close(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'close')
}

/** Runs a program where the Docker API of this machine is not to be seen. */
const withoutDocker = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs none /run && exec "$@"',
  'sh',
]

/** Runs the restore on a terminal where somebody says no. */
async function restoreOnTerminal({ env }: TestStore): Promise<{ exitCode: number; text: string }> {
  const command = `'${process.execPath}' '${programFile}' restore latest`
  const [program, ...words] = [...withoutDocker, 'script', '-qec', command, '/dev/null']
  const { exitCode, stdout } = await execa(program ?? '', words, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    extendEnv: false,
    input: 'n\n',
    reject: false,
  })
  return { exitCode: exitCode ?? -1, text: stdout.replaceAll('\r', '') }
}

interface Files {
  asked: number
  open: number
  paths: string[]
  unknown: number
}

/** What a plan says of files, without some capabilities. */
async function askWithout(store: TestStore, dropped: string): Promise<Files> {
  const through = ['setpriv', `--bounding-set=${dropped}`, `--inh-caps=${dropped}`]
  const words = ['restore', 'latest', '--dry-run', '--json']
  const { writers } = lastDocumentOf(await store.run(words, { through })) as {
    writers: { files: Files }
  }
  return writers.files
}

describe('a restore onto data that a process has open', () => {
  const store = useStore()
  const file = (name: string): string => join(store.data, name)
  const restore = async (...words: string[]): Promise<Finished> =>
    store.run(['restore', 'latest', ...words], { through: withoutDocker })

  beforeEach(async () => {
    await store.snapshot()
    await writeFile(file('hello.txt'), 'other\n')
  })

  const openings: Record<string, string> = {
    'for reading': 'O_RDONLY',
    'for writing': 'O_WRONLY',
    'under a lease': 'O_RDWR',
  }
  for (const [title, how] of Object.entries(openings)) {
    it(`is refused before anything changes, when it is open ${title}`, async () => {
      const user = await keepOpen(file('hello.txt'), how)
      const names = store.snapshotNames()
      const { exitCode, stderr } = await restore('--yes')
      await close(user)
      expect(exitCode).to.equal(1)
      expect(stderr).to.match(
        /nothing was restored, because 1 of the 1 file that was asked is open \(data\/hello\.txt\)/,
      )
      expect(readFileSync(file('hello.txt'), 'utf8')).to.equal('other\n')
      expect(store.snapshotNames()).to.deep.equal(names)
    })
  }

  it('is done when it is closed again, and says that nobody can know who writes', async () => {
    await close(await keepOpen(file('hello.txt')))
    const { exitCode, stderr } = await restore('--yes')
    expect(exitCode, stderr).to.equal(0)
    expect(stderr).to.match(
      /restore: nobody can know who writes the data meanwhile: [^]*Docker API/,
    )
    expect(stderr).not.to.match(/(is|are) open/)
    expect(readFileSync(file('hello.txt'), 'utf8')).to.equal('hello\n')
  })

  it('is done with --force, and flagged', async () => {
    const user = await keepOpen(file('hello.txt'))
    const { exitCode, stderr } = await restore('--yes', '--force')
    await close(user)
    expect(exitCode, stderr).to.equal(3)
    expect(stderr).to.match(/warning: 1 file was open while it was restored[^]*data\/hello\.txt/)
    expect(readFileSync(file('hello.txt'), 'utf8')).to.equal('hello\n')
  })

  it('is refused for the file of another user', async () => {
    await chown(file('hello.txt'), 4711, 4711)
    const user = await keepOpen(file('hello.txt'))
    const { exitCode } = await restore('--yes')
    await close(user)
    expect(exitCode).to.equal(1)
  })

  it('asks without the capability LEASE as the owner, and without SETUID says that nobody can know', async () => {
    await chown(file('hello.txt'), 4711, 4711)
    const user = await keepOpen(file('hello.txt'))
    const withoutLease = await askWithout(store, '-lease')
    const withoutBoth = await askWithout(store, '-lease,-setuid')
    await close(user)
    expect(withoutLease).to.include({ open: 1, unknown: 0 })
    expect(withoutBoth).to.include({ open: 0, unknown: 1 })
  })

  it('is refused for a file deep in the tree that it would remove', async () => {
    await shellIn(
      store.data,
      'for name in $(seq 1 1100); do echo x > file$name; done; mkdir -p a/b; echo x > a/b/c',
    )
    await store.snapshot()
    await mkdir(file('a/b/new'))
    await writeFile(file('a/b/c'), 'changed\n')
    const user = await keepOpen(file('a/b/c'))
    const { exitCode, stderr } = await restore('--yes')
    await close(user)
    expect(exitCode).to.equal(1)
    expect(stderr).to.contain('data/a/b/c')
    expect(existsSync(file('a/b/new'))).to.equal(true)
  })

  it('is refused on a terminal before the question, and after the plan', async () => {
    const user = await keepOpen(file('hello.txt'))
    const refused = await restoreOnTerminal(store)
    await close(user)
    expect(refused.exitCode).to.equal(1)
    expect(refused.text).to.match(/^nobody can know who writes[^]*nothing was restored/m)
    expect(refused.text).not.to.contain('[y/n]')
    const { exitCode, text } = await restoreOnTerminal(store)
    expect(exitCode).to.equal(130)
    expect(text).to.match(/^nobody can know who writes[^]*is open now[^]*\[y\/n\]/m)
  })

  it('is planned with --dry-run, which says what is open', async () => {
    const user = await keepOpen(file('hello.txt'))
    const { exitCode, stdout } = await restore('--dry-run')
    await close(user)
    expect(exitCode).to.equal(0)
    expect(stdout).to.contain('hello.txt')
    expect(stdout).to.match(/^nobody can know who writes the data meanwhile: /m)
    expect(stdout).to.match(/^1 of 1 file that was asked is open \(data\/hello\.txt\)/m)
  })
})
