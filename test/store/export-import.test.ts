import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { randomOf, seed } from '../crash/support/random.ts'
import { changeAwkwardTree, growAwkwardTree } from '../support/awkward-tree.ts'
import { lastDocumentOf, programFile } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import {
  archivesIn,
  expectSame,
  exportTo,
  runRestoreScript,
  sharingOf,
  useDirectory,
} from './support/archives.ts'
import { Mutator } from './support/mutations.ts'

const generations = 10

describe('export', function () {
  this.timeout(180_000)
  const store = useStore()
  const other = useStore()
  const out = useDirectory()

  const importAll = async (...words: string[]) =>
    other.run(['import', ...archivesIn(out.path), '--devices', ...words])

  it('and import give back all that is awkward, whole and as an increment', async () => {
    await growAwkwardTree(store.data)
    await shellIn(
      store.data,
      `head -c 3000000 /dev/urandom > large-file; mkdir -p moves/deep; echo 1 > moves/deep/one
      setfattr -n user.lost -v x moves; setfacl -m d:u:1234:rwx moves; setfacl -m u:0:rw large-file`,
    )
    const one = await store.snapshot('-m', 'the first', '--label', 'a=b')
    await changeAwkwardTree(store.data)
    await shellIn(
      store.data,
      `printf changed | dd of=large-file bs=1 seek=70000 conv=notrunc status=none
      chmod 4750 large-file; setfattr -n user.new -v y large-file; setcap cap_chown+p large-file
      mv moves/deep moved; setfattr -x user.lost moves; setfacl -k moves
      echo new > moves/later; mkdir moves/inherits-nothing; touch -d 1999-01-01 moves`,
    )
    const two = await store.snapshot()
    await exportTo(store, out.path, one)
    await exportTo(store, out.path, two, '--since', one)

    const imported = await importAll()
    expect(imported.exitCode, imported.stderr).to.equal(0)
    for (const name of [one, two]) expectSame(store.dataIn(name), other.dataIn(name))
    expect(sharingOf(other)).to.deep.equal(sharingOf(store))
    const shown = lastDocumentOf(await other.run(['show', one, '--json']))
    expect(shown).to.deep.include({ comment: 'the first', labels: { a: 'b' } })

    const restored = runRestoreScript(out.path, [
      '--devices',
      ...archivesIn(out.path),
      join(out.path, 'target'),
    ])
    expect(restored.exitCode, restored.stderr).to.equal(0)
    expectSame(store.dataIn(two), join(out.path, 'target'))
  })

  it(`and import give back a chain of ${generations} (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const tree = new Mutator(store.data, randomOf('export'))
    tree.grow()
    await shellIn(store.data, 'head -c 1500000 /dev/urandom > large')
    await exportTo(store, out.path, await store.snapshot(), '--full-every', '30')
    const random = randomOf('large')
    for (let count = 1; count < generations; count += 1) {
      tree.mutate(25)
      await shellIn(
        store.data,
        `test ! -f large || printf ${count} | dd of=large bs=1 seek=${Math.floor(random() * 1e6)} conv=notrunc status=none`,
      )
      await exportTo(store, out.path, await store.snapshot(), '--full-every', '30')
    }

    expect(archivesIn(out.path).filter((name) => name.includes('_Full'))).to.have.length(1)
    const imported = await importAll('--json')
    expect(imported.exitCode, imported.stdout).to.equal(0)
    for (const name of store.snapshotNames()) expectSame(store.dataIn(name), other.dataIn(name))
    expect(sharingOf(other)).to.deep.equal(sharingOf(store))

    const target = join(out.path, 'target')
    const restored = runRestoreScript(out.path, ['--devices', ...archivesIn(out.path), target])
    expect(restored.exitCode, restored.stderr).to.equal(0)
    expectSame(store.dataIn(store.snapshotNames().at(-1) ?? ''), target)
  })

  it('tells what changed in the form of diff, and has a checksum beside each archive', async () => {
    const one = await store.snapshot()
    await shellIn(store.data, 'mkdir new; echo x > new/file; rm hello.txt')
    const two = await store.snapshot()
    await exportTo(store, out.path, two, '--since', one)
    const changelog = readdirSync(out.path).find((name) => name.endsWith('_changelog.txt')) ?? ''
    const diff = await store.run(['diff', one, two, '--changelog'])
    expect(readFileSync(join(out.path, changelog), 'utf8')).to.equal(diff.stdout)
    execFileSync('sh', ['-c', 'sha256sum --check --status *.sha256'], { cwd: out.path })
    expect(readdirSync(out.path).filter((name) => name.startsWith('.'))).to.deep.equal([])
  })

  it('begins a chain anew when it is as long as it may be', async () => {
    for (const round of [1, 2, 3]) {
      writeFileSync(join(store.data, 'hello.txt'), String(round))
      await exportTo(store, out.path, await store.snapshot(), '--full-every', '2')
    }
    const kinds = archivesIn(out.path).map((name) => name.endsWith('_Full.tar.zst'))
    expect(kinds).to.deep.equal([true, false, true])
  })

  it('replaces nothing, and refuses what it cannot do', async () => {
    const one = await store.snapshot()
    const two = await store.snapshot()
    await exportTo(store, out.path, one)
    const to = ['-o', out.path]
    expectRefusal(await store.run(['export', one, ...to]), 1, /is there already: move it away/)
    expectRefusal(await store.run(['export', one, '--since', two, ...to]), 2, /is not older/)
    expectRefusal(await store.run(['export', one, '--volume', 'x', ...to]), 1, /does not hold/)
    expectRefusal(await store.run(['export', one, '-o', `${out.path}/no`]), 1, /no directory/)
    expectRefusal(await store.run(['export', one, '-o', '-', '--full-every', '2']), 2, /-o/)
  })

  it('writes to a pipe that import reads', async () => {
    await growAwkwardTree(store.data)
    const name = await store.snapshot()
    await changeAwkwardTree(store.data)
    const next = await store.snapshot()
    for (const words of [[name], [next, '--since', name]]) {
      const [from, to] = [
        spawn(process.execPath, [programFile, 'export', ...words, '-o', '-'], {
          env: { PATH: process.env['PATH'], ...store.env },
          stdio: ['ignore', 'pipe', 'ignore'],
        }),
        spawn(process.execPath, [programFile, 'import', '-', '--devices'], {
          env: { PATH: process.env['PATH'], ...other.env },
          stdio: ['pipe', 'ignore', 'inherit'],
        }),
      ]
      from.stdout.pipe(to.stdin)
      const [exitCode] = (await once(to, 'close')) as [number]
      expect(exitCode).to.equal(0)
    }
    for (const one of [name, next]) expectSame(store.dataIn(one), other.dataIn(one))
  })

  it('is passed over by import where it is there, and refused where something else is', async () => {
    const name = await store.snapshot()
    await exportTo(store, out.path, name)
    expect((await importAll()).exitCode).to.equal(0)
    const before = other.published()
    const again = await importAll()
    expect(again.stdout).to.match(/was there already/)
    expect(other.published()).to.deep.equal(before)

    writeFileSync(join(other.dataIn(name), 'hello.txt'), 'other contents\n')
    expectRefusal(await importAll(), 1, /is in the store already, and data in it is not what/)
  })

  it('is imported only over the base that it was made since', async () => {
    const one = await store.snapshot()
    await shellIn(store.data, 'echo new > new; head -c 2000000 /dev/urandom > kept')
    const two = await store.snapshot()
    await shellIn(store.data, 'echo newer > new')
    const three = await store.snapshot()
    await exportTo(store, out.path, one)
    await exportTo(store, out.path, two, '--since', one)
    await exportTo(store, out.path, three, '--since', two)
    const [first = '', second = '', third = ''] = archivesIn(out.path)

    const missing = await other.run(['import', first, third])
    expectRefusal(missing, 1, new RegExp(`increment since ${two}, .*import the archive`))
    expect(other.snapshotNames()).to.deep.equal([])
    const target = join(out.path, 'target')
    const broken = runRestoreScript(out.path, [first, third, target])
    expect(broken.exitCode).to.equal(1)
    expect(broken.stderr).to.match(new RegExp(`increment since ${two}: give the archive`))

    expect((await other.run(['import', second, first])).exitCode).to.equal(0)
    // as a disk that rots, of the same size and time
    await shellIn(
      other.dataIn(two),
      'touch -r kept ../time; printf x | dd of=kept bs=1 seek=5 conv=notrunc status=none; touch -r ../time kept; rm ../time',
    )
    expectRefusal(await other.run(['import', third]), 1, /is not what it was when it was exported/)
    expect(other.snapshotNames()).to.deep.equal([one, two])
  })

  it('is the base of the next snapshot, of which all is right', async () => {
    await growAwkwardTree(store.data)
    await shellIn(store.data, 'rm -r names/deep specials/socket')
    await exportTo(store, out.path, await store.snapshot())
    const [archive = ''] = archivesIn(out.path)
    await other.run(['import', archive, '--devices'])
    execFileSync('cp', ['-aT', store.data, other.data])
    await shellIn(
      other.data,
      'printf THE | dd of=plain/kept conv=notrunc status=none; touch -d 2020-01-01 plain/kept',
    )
    const next = await other.snapshot()
    expectSame(other.data, other.dataIn(next))
  })

  it('says which program restore.sh lacks, and leaves nothing when it fails', async () => {
    await exportTo(store, out.path, await store.snapshot())
    const words = [...archivesIn(out.path), join(out.path, 'target')]
    const without = runRestoreScript(out.path, words, 'zstd')
    expect(without.stderr).to.match(/zstd is not installed: .*apt-get install zstd/)
    const again = runRestoreScript(out.path, [...words, join(out.path, 'no/target')])
    expect(again.exitCode).to.equal(1)
    expect(readdirSync(out.path).filter((name) => name.startsWith('.'))).to.deep.equal([])
  })
})
