import { expect } from 'chai'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { growAwkwardTree } from '../support/awkward-tree.ts'
import { randomOf, seed } from '../crash/support/random.ts'
import { bindMount } from '../support/mounts.ts'
import { lastDocumentOf, launchCli } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { type Tree, compareTrees, walkTree } from '../support/tree-walker.ts'
import { Mutator } from './support/mutations.ts'

/** What is at some paths, or in them. */
function partOf(tree: Tree, paths: readonly string[], isIn = true): Tree {
  const has = (path: string): boolean =>
    paths.some((one) => path === one || path.startsWith(`${one}/`))
  return new Map([...tree].filter(([path]) => has(path) === isIn))
}

/** Names that a file has elsewhere, and times of directories that something came into, may differ. */
function isShown(line: string): boolean {
  return !/ (names|mtime) (is|are) /.test(line)
}

describe('A restore of some paths', function () {
  this.timeout(120_000)
  const store = useStore()

  const restore = async (...words: string[]) => store.run(['restore', ...words, '--yes'])

  async function prepare(): Promise<string> {
    await shellIn(
      store.data,
      `mkdir -p letters/old pictures
      echo one > letters/one; echo two > letters/two; echo old > letters/old/three
      echo four > pictures/four; chmod 700 pictures`,
    )
    const name = await store.snapshot()
    await shellIn(
      store.data,
      `echo changed > letters/one; rm letters/two; rm -r letters/old; echo new > letters/new
      echo changed > pictures/four; chmod 755 letters; touch -d 2001-01-01 pictures`,
    )
    return name
  }

  it('brings them back, and leaves all else alone', async () => {
    const name = await prepare()
    const before = walkTree(store.data)
    const snapshot = walkTree(store.dataIn(name))
    for (const words of [
      ['--path', join(store.data, 'letters/one'), '--path', 'data:letters/old'],
      [join(store.data, 'letters/one'), 'data:/letters/old/'],
    ]) {
      const { exitCode, stderr } = await restore(name, ...words)
      expect(exitCode, stderr).to.equal(0)
      const paths = ['letters/one', 'letters/old']
      const after = walkTree(store.data)
      expect(compareTrees(partOf(snapshot, paths), partOf(after, paths))).to.deep.equal([])
      const others = [...paths, 'letters', '.']
      expect(
        compareTrees(partOf(before, others, false), partOf(after, others, false)),
      ).to.deep.equal([])
      expect(after.get('letters')?.mode).to.equal(before.get('letters')?.mode)
      const undone = await restore('--undo')
      expect(undone.exitCode, undone.stderr).to.equal(0)
      expect(
        compareTrees(before, walkTree(store.data)).filter((line) => !/mtime/.test(line)),
      ).to.deep.equal([])
    }
  })

  it('changes no attribute of a directory that only leads there', async () => {
    const name = await prepare()
    await shellIn(
      store.data,
      `chmod 711 letters; chown 7:8 letters; setfattr -n user.kept -v yes letters
      echo other > letters/one`,
    )
    const before = walkTree(store.data).get('letters')
    expect((await restore(name, 'data:letters/one', '--checksum')).exitCode).to.equal(0)
    const after = walkTree(store.data).get('letters')
    expect({ ...after, mtime: '' }).to.deep.equal({ ...before, mtime: '' })
  })

  it('takes patterns, and a directory with all that is in it and no more', async () => {
    const name = await prepare()
    const snapshot = walkTree(store.dataIn(name))
    expect((await restore(name, `${store.data}/*/o*`)).exitCode).to.equal(0)
    const found = partOf(walkTree(store.data), ['letters/one', 'letters/old', 'pictures/four'])
    expect(found.get('letters/one')?.content).to.equal(snapshot.get('letters/one')?.content)
    expect(found.get('letters/old/three')?.content).to.equal(
      snapshot.get('letters/old/three')?.content,
    )
    expect(found.get('pictures/four')?.content).not.to.equal(snapshot.get('pictures/four')?.content)
    expect((await restore(name, 'data:letters')).exitCode).to.equal(0)
    const letters = walkTree(join(store.data, 'letters'))
    expect(compareTrees(walkTree(join(store.dataIn(name), 'letters')), letters)).to.deep.equal([])
  })

  it('makes the directories above that are gone, and --undo removes them', async () => {
    const name = await prepare()
    await shellIn(store.data, 'rm -r letters pictures')
    const before = walkTree(store.data)
    expect((await restore(name, 'data:letters/old/three')).exitCode).to.equal(0)
    expect([...walkTree(join(store.data, 'letters')).keys()]).to.have.members([
      '.',
      'old',
      'old/three',
    ])
    expect((await restore('--undo')).exitCode).to.equal(0)
    const after = walkTree(store.data)
    expect([...after.keys()]).to.deep.equal([...before.keys()])
  })

  it('keeps what the application did meanwhile, when it is undone', async () => {
    const name = await prepare()
    await restore(name, 'data:letters/one')
    await writeFile(join(store.data, 'pictures/four'), 'by the application\n')
    await restore('--undo')
    expect(readFileSync(join(store.data, 'letters/one'), 'utf8')).to.equal('changed\n')
    expect(readFileSync(join(store.data, 'pictures/four'), 'utf8')).to.equal('by the application\n')
    await restore('--undo')
    expect(readFileSync(join(store.data, 'letters/one'), 'utf8')).to.equal('one\n')
    expect(readFileSync(join(store.data, 'pictures/four'), 'utf8')).to.equal('by the application\n')
  })

  it('is refused for a path that the snapshot has nothing for, and changes nothing', async () => {
    const name = await prepare()
    const before = walkTree(store.data)
    const wrong: [string, RegExp][] = [
      ['data:letters/new', /has nothing at data:letters\/new.*history/],
      ['/etc/passwd', /is in no volume/],
      ['data:../../etc', /is in no volume/],
      ['data:nothing*', /has nothing at/],
      ['', /a path is empty: write data:\/ for all/],
      ['data:', /a path is empty/],
    ]
    for (const [path, message] of wrong) {
      const finished = await restore(name, path)
      expect(finished.exitCode).not.to.equal(0)
      expect(finished.stderr).to.match(message)
    }
    expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
  })

  for (const [kind, make] of [
    ['a link', 'ln -s /nowhere letters'],
    ['a file', 'echo in the way > letters'],
  ] as const) {
    it(`is refused where ${kind} is in the place of a directory above`, async () => {
      const name = await prepare()
      await shellIn(store.data, `mv letters letters.old; ${make}`)
      const [before, snapshots] = [walkTree(store.data), store.snapshotNames()]
      for (const words of [[], ['--no-delete', '--keep-newer'], ['--dry-run']]) {
        expectRefusal(
          await restore(name, 'data:letters/one', ...words),
          1,
          /letters is no directory in the live data.*; move letters away/,
        )
      }
      expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
      expect(store.snapshotNames()).to.deep.equal(snapshots)
      expect((await restore(name, 'data:letters')).exitCode).to.equal(0)
      expect(readFileSync(join(store.data, 'letters/one'), 'utf8')).to.equal('one\n')
    })
  }

  it('is refused where they are below a mount', async () => {
    const name = await prepare()
    const outside = `${store.data}.outside`
    await mkdir(outside)
    const mounted = await bindMount(outside, join(store.data, 'letters'))
    try {
      for (const path of ['data:letters/one', 'data:letters', 'data:letters/*']) {
        expectRefusal(await restore(name, path), 1, /letters is mounted inside .*; unmount it/)
      }
      const beside = await restore(name, 'data:pictures')
      expect(beside.exitCode, beside.stderr).to.equal(0)
    } finally {
      await mounted.remove()
      await rmdir(outside)
    }
  })

  for (const [pattern, path] of [
    ['/letters', 'letters/one'],
    ['letters/', 'letters/o*'],
    ['/letters', 'letters/old'],
  ] as const) {
    it(`leaves alone ${path} where SNAP_EXCLUDE has ${pattern}, and says so`, async () => {
      const name = await prepare()
      const excluding = { env: { ...store.env, SNAP_EXCLUDE: pattern } }
      await (await store.startDaemon(excluding)).stop()
      await shellIn(store.data, 'mkdir letters/old; echo live > letters/old/live')
      const before = walkTree(store.data)
      for (const words of [
        [name, `data:${path}`],
        [name, `data:${path}`, '--without-safety'],
      ]) {
        const { exitCode, stdout, stderr } = await restore(...words)
        expect(exitCode, stderr).to.equal(3)
        expect(stderr).to.include('left out by SNAP_EXCLUDE')
        expect(stdout).to.include('but for what the warnings name')
        expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
      }
    })
  }

  it('is planned like any other', async () => {
    const name = await prepare()
    const planned = await store.run(['restore', name, 'data:letters', '--dry-run', '--json'])
    const { volumes } = lastDocumentOf(planned) as {
      volumes: { paths: string[]; steps: { action: string; path: string }[] }[]
    }
    expect(volumes[0]?.paths).to.deep.equal(['letters'])
    const steps = volumes[0]?.steps.map(({ action, path }) => `${action} ${path}`)
    expect(steps).to.have.members([
      'delete letters/new',
      'create letters/old',
      'create letters/old/three',
      'create letters/two',
      'change letters/one',
      'attributes letters',
    ])
  })

  it('leaves newer files, or added ones, where that is asked for', async () => {
    const name = await prepare()
    await shellIn(store.data, 'touch -d 2001-01-01 letters/one')
    expect((await restore(name, '--no-delete', '--keep-newer')).exitCode).to.equal(0)
    const read = (path: string) => readFileSync(join(store.data, path), 'utf8')
    expect(read('letters/new')).to.equal('new\n')
    expect(read('letters/one')).to.equal('one\n')
    expect(read('pictures/four')).to.equal('changed\n')
    expect(read('letters/two')).to.equal('two\n')
  })

  it('leaves what is of another type now, with --no-delete or --keep-newer, and says so', async () => {
    const name = await prepare()
    await shellIn(
      store.data,
      `rm letters/one; mkdir letters/one; echo precious > letters/one/new
      rm -r pictures; echo a file > pictures`,
    )
    for (const option of ['--no-delete', '--keep-newer']) {
      const { exitCode, stderr } = await restore(name, option)
      expect(exitCode, stderr).to.equal(3)
      expect(stderr).to.match(/2 files of this snapshot are left out.*move them away/)
      const read = (path: string) => readFileSync(join(store.data, path), 'utf8')
      expect(read('letters/one/new')).to.equal('precious\n')
      expect(read('pictures')).to.equal('a file\n')
      expect(read('letters/old/three')).to.equal('old\n')
    }
  })

  it('leaves a newer name of a linked file, and gives the others theirs, as it had planned', async () => {
    await shellIn(store.data, 'echo old > a; touch -d 2020-01-01 a; ln a b; ln a c')
    const name = await store.snapshot()
    await shellIn(
      store.data,
      'rm a b c; echo newer > a; echo older > c; touch -d 2010-01-01 c; touch .',
    )
    const planned = await store.run(['restore', name, '--keep-newer', '--dry-run', '--json'])
    const { volumes } = lastDocumentOf(planned) as {
      volumes: { steps: { action: string; path: string }[] }[]
    }
    const steps = volumes[0]?.steps.map(({ action, path }) => `${action} ${path}`)
    expect(steps).to.have.members(['create b', 'change c', 'attributes .'])
    expect((await restore(name, '--keep-newer')).exitCode).to.equal(0)
    const after = await shellIn(store.data, 'cat a b c; stat -c %h a b c')
    expect(after).to.equal('newer\nold\nold\n1\n2\n2')
  })

  it('is finished by --continue when it was cut off, and by nothing less', async () => {
    const name = await prepare()
    expect((await restore(name, 'data:letters/one', '--no-delete')).exitCode).to.equal(0)
    const journal = join(store.directory, '.snap-volume/journal/restore.json')
    const content = JSON.parse(await readFile(journal, 'utf8')) as object
    writeFileSync(journal, JSON.stringify({ ...content, finishedAt: null }))
    await shellIn(store.data, 'echo broken > letters/one')

    expectRefusal(
      await store.run(['snapshot']),
      1,
      /finish it with "snap-volume restore --continue"/,
    )
    expectRefusal(await restore(name, 'data:pictures'), 1, /was cut off/)
    const { exitCode, stderr } = await restore('--continue')
    expect(exitCode, stderr).to.equal(0)
    expect(readFileSync(join(store.data, 'letters/one'), 'utf8')).to.equal('one\n')
    expect(readFileSync(join(store.data, 'letters/new'), 'utf8')).to.equal('new\n')
    expectRefusal(await restore('--continue'), 1, /there is no restore to continue/)
  })

  it(`equals a whole one in these paths, and the data elsewhere (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const random = randomOf('restore paths')
    const mutator = new Mutator(store.data, random)
    mutator.grow()
    for (let round = 0; round < roundsOf(40, 5); round += 1) {
      const name = await store.snapshot()
      const snapshot = walkTree(store.dataIn(name))
      const done = Array.from({ length: 5 }, () => mutator.mutate()).flat()
      const before = walkTree(store.data)
      const all = [...snapshot.keys()].filter((path) => path !== '.' && /^[\w./-]+$/.test(path))
      const paths = [
        all[Math.floor(random() * all.length)] ?? '',
        all[Math.floor(random() * all.length)] ?? '',
      ]
      const { exitCode, stderr } = await restore(name, ...paths.map((path) => `data:${path}`))
      if (/is no directory in the live data/.test(stderr)) {
        expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
        continue
      }
      expect([0, 3], `${stderr}, round ${round}: ${done.join(', ')}`).to.include(exitCode)
      const after = walkTree(store.data)
      const part = compareTrees(partOf(snapshot, paths), partOf(after, paths)).filter(isShown)
      expect(part, `${paths.join(' ')}, round ${round}: ${done.join(', ')}`).to.deep.equal([])
      const above = paths.flatMap((path) =>
        path.split('/').map((_, index, parts) => parts.slice(0, index).join('/')),
      )
      const others = [...paths, ...above.filter((path) => before.get(path)?.type !== 'directory')]
      const rest = compareTrees(partOf(before, others, false), partOf(after, others, false)).filter(
        isShown,
      )
      expect(rest, `${paths.join(' ')}, round ${round}: ${done.join(', ')}`).to.deep.equal([])
    }
  })
})

describe('A restore to another place', function () {
  this.timeout(60_000)
  const store = useStore()

  it('writes the volume there, exactly, and nothing else', async () => {
    await growAwkwardTree(store.data)
    const name = await store.snapshot()
    const [before, directory] = [walkTree(store.data), `${store.data}.copy`]
    const planned = await store.run(['restore', name, '--to', directory, '--dry-run', '--json'])
    expect(lastDocumentOf(planned)).to.include({ dryRun: true, directory })
    const finished = await store.run(['restore', name, '--to', directory, '--json'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    expect(lastDocumentOf(finished)['snapshot']).to.equal(name)
    expect(compareTrees(walkTree(store.dataIn(name)), walkTree(directory))).to.deep.equal([])
    expect(compareTrees(before, walkTree(store.data))).to.deep.equal([])
    await shellIn('/', `rm -rf '${directory}'`)
  })

  it('writes paths there, below what they are in, into a new directory and beside others', async () => {
    await shellIn(store.data, 'mkdir -p a/b; echo one > a/b/one; echo two > a/two; chmod 750 a')
    const name = await store.snapshot()
    const directory = `${store.data}.some`
    const one = await store.run(['restore', name, 'data:a/b/one', '--to', directory])
    expect(one.exitCode, one.stderr).to.equal(0)
    expect([...walkTree(directory).keys()]).to.have.members(['.', 'a', 'a/b', 'a/b/one'])
    expect(walkTree(directory).get('a')?.mode).to.equal(walkTree(store.data).get('a')?.mode)
    const taken = await store.run(['restore', name, 'data:a/two', '--to', directory])
    expectRefusal(taken, 1, /a is there already: nothing is replaced there/)
    const beside = await store.run(['restore', name, 'data:hello.txt', '--to', directory])
    expect(beside.exitCode, beside.stderr).to.equal(0)
    expect([...walkTree(directory).keys()]).to.include.members(['hello.txt', 'a/b/one'])
    await shellIn('/', `rm -rf '${directory}'`)
  })

  it('removes what a killed one left, and nothing of one that runs', async () => {
    const home = `${store.data}.to`
    await shellIn(store.data, `mkdir ${home}; for i in $(seq 2000); do echo $i > $i; done`)
    const name = await store.snapshot()
    const left = () => readdirSync(home).filter((entry) => entry.startsWith('.snap-volume.to.'))
    const launch = async (directory: string) => {
      const before = left()
      const words = ['restore', name, '--to', join(home, directory)]
      const launched = launchCli(words, { env: store.env })
      const isMaking = (): boolean =>
        left().some((one) => !before.includes(one) && existsSync(join(home, one, 'made/1')))
      while (!isMaking()) await nextTurn()
      return launched
    }

    const running = await launch('running')
    running.signal('SIGSTOP')
    const [kept] = left()
    const killed = await launch('killed')
    killed.signal('SIGKILL')
    await killed.end()
    const gone = left().find((one) => one !== kept)
    // rsync, which has it too, ends a little later
    await shellIn(home, `flock ${gone} true`)
    const again = await store.run(['restore', name, '--to', join(home, 'killed')])
    expect(again.exitCode, again.stderr).to.equal(0)
    expect(left()).to.deep.equal([kept])
    running.signal('SIGCONT')
    expect(await running.end(), running.output()).to.equal(0)
    expect(readdirSync(home)).to.have.members(['running', 'killed'])
    for (const made of ['running', 'killed']) {
      const tree = walkTree(join(home, made))
      expect(compareTrees(walkTree(store.dataIn(name)), tree)).to.deep.equal([])
    }
    await shellIn('/', `rm -rf '${home}'`)
  })

  it('is refused in the store, below what is not there, and with words that have no meaning', async () => {
    const name = await store.snapshot()
    const published = store.published()
    const wrong: [string[], RegExp][] = [
      [['--to', join(store.directory, 'x')], /is in the store/],
      [['--to', ''], /--to names no directory/],
      [['--to', '/nowhere/below'], /there is no directory \/nowhere/],
      [['--to', '/tmp/x', '--keep-newer'], /--keep-newer has no meaning with --to/],
      [['--to', `${store.data}/hello.txt`], /is not a directory/],
    ]
    for (const [words, message] of wrong) {
      const finished = await store.run(['restore', name, ...words])
      expect(finished.exitCode).to.be.oneOf([1, 2])
      expect(finished.stderr).to.match(message)
    }
    expect(compareTrees(published, store.published())).to.deep.equal([])
  })
})
