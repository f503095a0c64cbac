import { expect } from 'chai'
import { documentsOf, lastDocumentOf } from '../support/cli.ts'
import { randomOf, seed } from '../crash/support/random.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { type Entry, type Tree, walkTree } from '../support/tree-walker.ts'
import { Mutator } from './support/mutations.ts'

interface Change {
  kind: string
  path: string
  pathBytes?: string
  from?: string
  fromBytes?: string
  metadata?: string[]
}

const bytesOf = (text: string, bytes: string | undefined): string =>
  bytes === undefined
    ? Buffer.from(text).toString('latin1')
    : Buffer.from(bytes, 'base64').toString('latin1')

/** Kind and path of each, with one character a byte. */
function listed(changes: readonly Change[]): string[] {
  return changes
    .flatMap(({ kind, path, pathBytes, from, fromBytes }) => [
      `${kind} ${bytesOf(path, pathBytes)}`,
      ...(from === undefined ? [] : [`from ${bytesOf(from, fromBytes)}`]),
    ])
    .toSorted()
}

describe('diff', () => {
  const store = useStore()

  async function changesOf(...words: string[]): Promise<Change[]> {
    const finished = await store.run(['diff', ...words, '--json'])
    expect(finished.exitCode, finished.stderr).to.equal(0)
    return documentsOf(finished).filter(({ type }) => type === 'change') as unknown as Change[]
  }

  async function between(script: string): Promise<{ from: string; to: string }> {
    const from = await store.snapshot()
    await shellIn(store.data, script)
    return { from, to: await store.snapshot() }
  }

  it('tells every kind, and nothing of what is the same', async () => {
    await shellIn(
      store.data,
      `mkdir below; for name in same changed mode owner gone moved; do echo $name > below/$name; done
      echo old > kind; ln -s old link; mkdir was-empty`,
    )
    const { from, to } = await between(
      `cd below; echo other > changed; chmod 600 mode; chown 7:8 owner; rm gone; mv moved ../elsewhere
      cd ..; rm kind; mkdir kind; ln -sfn new link; echo new > added; rmdir was-empty`,
    )
    const changes = await changesOf(from, to)
    expect(listed(changes.filter(({ path }) => !['', 'below'].includes(path)))).to.deep.equal(
      [
        'added added',
        'deleted was-empty',
        'deleted below/gone',
        'from below/moved',
        'metadata below/mode',
        'metadata below/owner',
        'modified below/changed',
        'modified link',
        'renamed elsewhere',
        'type kind',
      ].toSorted(),
    )
    expect(changes.find(({ path }) => path === 'below/mode')?.metadata).to.deep.equal(['mode'])
    expect(changes.find(({ path }) => path === 'below/owner')?.metadata).to.deep.equal(['owner'])
  })

  it('names ACLs and attributes that changed', async () => {
    const { from, to } = await between(
      'setfattr -n user.one -v two hello.txt; setfacl -m u:7:r hello.txt',
    )
    const [change] = (await changesOf(from, to)).filter(({ path }) => path === 'hello.txt')
    expect(change).to.include({ kind: 'metadata' })
    expect(change?.metadata).to.include.members(['acl', 'xattrs'])
  })

  it('compares with the live data, where size and time say nothing', async () => {
    await shellIn(store.data, 'echo one > kept-time; touch -d 2020-01-01 kept-time')
    await store.snapshot()
    expect(await changesOf('latest')).to.deep.equal([])
    await shellIn(store.data, 'echo two > kept-time; touch -d 2020-01-01 kept-time')
    const [change, ...others] = await changesOf('latest')
    expect(others).to.deep.equal([])
    expect(change).to.include({ kind: 'modified', path: 'kept-time' })
  })

  it('has lines for people, a changelog, and numbers', async () => {
    await shellIn(store.data, 'mkdir cache; echo a > cache/a')
    const { from, to } = await between('rm cache/a; echo new > cache/b')
    const plain = await store.run(['diff', from, to])
    expect(plain.stdout).to.match(new RegExp(`^added +${store.data}/cache/b +4 B$`, 'm'))
    const { stdout } = await store.run(['diff', from, to, '--changelog'])
    expect(stdout.trim().split('\n')).to.deep.equal([
      `modified ${store.data}/cache/`,
      `deleted ${store.data}/cache/a`,
      `added ${store.data}/cache/b`,
    ])
    const stat = await store.run(['diff', from, to, '--stat'])
    expect(stat.stdout).to.equal('data: 1 added, 1 deleted, 1 metadata, +2 B\n')
  })

  it('is of a path only, as the application knows it, or by the ID', async () => {
    await shellIn(store.data, 'mkdir a b; echo 1 > a/one; echo 2 > b/two')
    const { from, to } = await between('echo 3 > a/one; echo 4 > b/two')
    for (const path of [`${store.data}/a`, 'data:a', 'a/one']) {
      const changes = await changesOf(from, to, '--path', path)
      expect(changes.map(({ path: at }) => at)).to.deep.equal(['a/one'])
    }
  })

  it('shows the lines of one file, and where a binary one begins to differ', async () => {
    await shellIn(store.data, "printf 'a\\nb\\nc\\n' > text; printf 'x\\0y' > binary")
    const { from, to } = await between("printf 'a\\nB\\nc\\n' > text; printf 'x\\0z' > binary")
    const text = await store.run(['diff', from, to, '--', `${store.data}/text`])
    expect(text.stdout).to.include('-b\n+B\n')
    const live = await store.run(['diff', from, '--', 'data:text'])
    expect(live.stdout).to.include('-b\n+B\n')
    const binary = await store.run(['diff', from, to, '--', 'data:binary'])
    expect(binary.stdout).to.match(/is binary: 3 and 3 bytes, different from byte 2 on/)
    const missing = await store.run(['diff', from, to, '--', 'data:nothing'])
    expect([missing.exitCode, missing.stderr]).to.deep.equal([
      1,
      `snap-volume: data:nothing is neither in ${from} nor in ${to}: write the path as the application knows it, or as ID:PATH\n`,
    ])
  })

  it('does not call added what SNAP_EXCLUDE leaves out', async () => {
    await shellIn(store.data, 'mkdir cache; echo 1 > cache/one')
    const env = { SNAP_EXCLUDE: 'cache' }
    await store.run(['snapshot'], { env })
    const finished = await store.run(['diff', 'latest', '--json'], { env })
    expect(documentsOf(finished).filter(({ type }) => type === 'change')).to.deep.equal([])
  })

  it('tells texts apart that are no UTF-8', async () => {
    const { from, to } = await between("printf 'caf\\350\\n' > text")
    await shellIn(store.data, "printf 'caf\\351\\n' > text")
    const { stdout } = await store.run(['diff', to, '--', 'data:text'])
    expect(stdout, from).to.include('-caf\u00e8\n+caf\u00e9\n')
  })

  it('refuses a volume and a snapshot that are not there', async () => {
    await store.snapshot()
    expect((await store.run(['diff', 'latest', '--volume', 'other'])).exitCode).to.equal(2)
    expect((await store.run(['diff', '@GMT-1999'])).exitCode).to.equal(1)
  })

  it(`agrees with a comparison by other means on random trees (SNAP_VOLUME_TEST_SEED=${seed})`, async function () {
    this.timeout(600_000)
    const mutator = new Mutator(store.data, randomOf('diff'))
    mutator.grow()
    let from = await store.snapshot()
    const rounds = roundsOf(200, 8)
    for (let round = 0; round < rounds; round += 1) {
      const done = mutator.mutate()
      const to = await store.snapshot()
      const [before, after] = [walkTree(store.dataIn(from)), walkTree(store.dataIn(to))]
      const found = await changesOf(from, to)
      const message = `round ${round}: ${done.join(', ')}`
      expect(listed(found.filter(({ kind }) => kind !== 'renamed')), message).to.deep.equal(
        expected(before, after, found),
      )
      from = to
    }
    expect(lastDocumentOf(await store.run(['diff', from, '--json']))).to.include({ to: 'live' })
  })
})

/** What the trees differ in; of renames it holds that content and paths are as they say. */
function expected(before: Tree, after: Tree, found: readonly Change[]): string[] {
  const moved = new Set<string>()
  for (const { kind, path, pathBytes, from = '', fromBytes } of found) {
    if (kind !== 'renamed') continue
    const [old, now] = [bytesOf(from, fromBytes), bytesOf(path, pathBytes)]
    expect(before.get(old)?.content).to.equal(after.get(now)?.content)
    expect([after.has(old), before.has(now)]).to.deep.equal([false, false])
    moved.add(`deleted ${old}`).add(`added ${now}`)
  }

  const lines: string[] = []
  for (const [path, entry] of before) {
    const other = after.get(path)
    const kind = other === undefined ? 'deleted' : kindOf(entry, other)
    if (kind !== undefined) lines.push(`${kind} ${path === '.' ? '' : path}`)
  }
  for (const path of after.keys()) if (!before.has(path)) lines.push(`added ${path}`)
  return lines.filter((line) => !moved.has(line)).toSorted()
}

function kindOf(one: Entry, other: Entry): string | undefined {
  if (one.type !== other.type) return 'type'
  if (['content', 'symlink', 'size', 'device'].some((key) => differIn(one, other, key))) {
    return 'modified'
  }
  const isSame = ['mode', 'owner', 'mtime', 'attributes'].every((key) => !differIn(one, other, key))
  return isSame ? undefined : 'metadata'
}

function differIn(one: Entry, other: Entry, key: string): boolean {
  return Reflect.get(one, key) !== Reflect.get(other, key)
}
