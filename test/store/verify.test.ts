import { expect } from 'chai'
import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { randomOf, seed } from '../crash/support/random.ts'
import { documentsOf, lastDocumentOf } from '../support/cli.ts'
import { roundsOf } from '../support/sample.ts'
import { shellIn } from '../support/shell.ts'
import { useStore } from '../support/test-store.ts'
import { Mutator } from './support/mutations.ts'

interface Damage {
  what: string
  path: string
  volume: string
  snapshots: string[]
}

/** Other bytes under the old time, as a disk that rots. */
async function flip(path: string): Promise<void> {
  const { mtimeNs } = lstatSync(path, { bigint: true })
  const descriptor = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(descriptor, byte, 0, 1, 0)
  writeSync(descriptor, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, 0)
  closeSync(descriptor)
  const seconds = `${mtimeNs / 1_000_000_000n}.${String(mtimeNs % 1_000_000_000n).padStart(9, '0')}`
  await shellIn('/', `touch -d @${seconds} '${path}'`)
}

describe('verify', function () {
  this.timeout(600_000)
  const store = useStore()

  async function verify(
    ...words: string[]
  ): Promise<{ damage: Damage[]; exitCode: number | undefined }> {
    const finished = await store.run(['verify', ...words, '--json'])
    const damage = documentsOf(finished).filter(({ type }) => type === 'damage')
    return { damage: damage as unknown as Damage[], exitCode: finished.exitCode }
  }

  it('records a snapshot the first time, and compares it from then on', async () => {
    const name = await store.snapshot()
    const first = await store.run(['verify', '--json'])
    expect(lastDocumentOf(first)).to.include({ recorded: 1, compared: 0, damaged: 0 })
    expect(lastDocumentOf(await store.run(['verify', name, '--json']))).to.include({
      recorded: 0,
      compared: 1,
      damaged: 0,
    })
  })

  it('reads a file that several snapshots have once', async () => {
    await store.snapshot()
    await store.snapshot()
    expect(lastDocumentOf(await store.run(['verify', '--json']))).to.include({ read: 1 })
    expect(lastDocumentOf(await store.run(['verify', '--json']))).to.include({
      read: 1,
      compared: 2,
    })
  })

  it('finds everything that somebody can do to a snapshot, and names all that have it', async () => {
    await shellIn(
      store.data,
      'mkdir below; for name in flipped mode owner attribute acl exchanged deleted; do echo $name > below/$name; done',
    )
    const [first, second] = [await store.snapshot(), await store.snapshot()]
    await verify()
    const data = store.dataIn(first)
    await flip(join(data, 'below/flipped'))
    await shellIn(
      data,
      `cd below; chmod 600 mode; chown 7 owner; setfattr -n user.new -v x attribute; setfacl -m u:7:r acl
      cp -a exchanged copy; mv copy exchanged; rm deleted; echo new > added`,
    )

    const { damage, exitCode } = await verify()
    expect(exitCode).to.equal(1)
    const told = damage.map(({ what, path, snapshots }) => `${what} ${path} ${snapshots.length}`)
    expect(told).to.have.members([
      'content below/flipped 2',
      'metadata below/mode 2',
      'metadata below/owner 2',
      'metadata below/attribute 2',
      'metadata below/acl 2',
      'replaced below/exchanged 1',
      'missing below/deleted 1',
      'added below/added 1',
      'metadata below 1',
    ])
    expect(damage.find(({ path }) => path === 'below/flipped')?.snapshots).to.deep.equal([
      first,
      second,
    ])
    const { stdout } = await store.run(['verify'])
    expect(stdout).to.match(
      new RegExp(`^content +${store.data}/below/flipped +${first} ${second}$`, 'm'),
    )
  })

  it('reads a sample, or newer ones only', async () => {
    await shellIn(store.data, 'for i in $(seq 100); do echo $i > $i; done')
    const [, second] = [await store.snapshot(), await store.snapshot()]
    await verify()
    const { read } = lastDocumentOf(await store.run(['verify', '--sample', '20%', '--json']))
    expect(read).to.be.within(1, 60)
    const newer = await store.run(['verify', '--since', second, '--json'])
    expect(lastDocumentOf(newer)).to.include({ compared: 1 })
    expect((await store.run(['verify', '--sample', 'some'])).exitCode).to.equal(2)
  })

  it('goes on where it was killed, or its own files are broken', async () => {
    await shellIn(store.data, 'for i in $(seq 20); do echo $i > $i; done')
    await store.snapshot()
    await verify()
    const digests = join(store.directory, '.snap-volume/verify.digests')
    truncateSync(digests, readFileSync(digests).length - 30)
    expect((await verify()).damage).to.deep.equal([])
    await shellIn(
      join(store.directory, '.snap-volume/verify'),
      'for f in *; do echo broken > "$f"; done',
    )
    expect((await verify()).damage).to.deep.equal([])
    writeFileSync(digests, '')
    expect((await verify()).damage).to.deep.equal([])
  })

  it('finds damage in a snapshot that shares it and is looked at for the first time', async () => {
    const first = await store.snapshot()
    await verify()
    const second = await store.snapshot()
    await flip(join(store.dataIn(first), 'hello.txt'))
    const { damage } = await verify(second)
    expect(damage.map(({ what, snapshots }) => [what, snapshots])).to.deep.equal([
      ['content', [first, second]],
    ])
  })

  it('finds a snapshot whose data are gone', async () => {
    const name = await store.snapshot()
    await verify()
    await shellIn(store.directory, `mv ${name}/data elsewhere`)
    for (const words of [[], [name]]) {
      const { damage, exitCode } = await verify(...words)
      expect(exitCode).to.equal(1)
      expect(damage).to.deep.equal([
        { type: 'damage', volume: 'data', path: '', what: 'missing', snapshots: [name] },
      ])
    }
    await shellIn(store.directory, `mv elsewhere ${name}/data`)
    expect((await verify()).damage).to.deep.equal([])
  })

  it('says how many files had no digest, so that a lost table is noticed', async () => {
    await store.snapshot()
    await verify()
    writeFileSync(join(store.directory, '.snap-volume/verify.digests'), '')
    const { firstRead, compared } = lastDocumentOf(await store.run(['verify', '--json']))
    expect({ firstRead, compared }).to.deep.equal({ firstRead: 2, compared: 1 })
  })

  it('takes a time before all snapshots for all of them', async () => {
    await store.snapshot()
    const finished = await store.run(['verify', '--since', '2 days ago', '--json'])
    expect(lastDocumentOf(finished)).to.include({ recorded: 1 })
  })

  it(`raises no false alarm over a random series (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const random = randomOf('verify')
    const mutator = new Mutator(store.data, random)
    mutator.grow()
    for (let round = 0; round < roundsOf(60, 8); round += 1) {
      const done = mutator.mutate()
      await store.snapshot()
      const names = store.snapshotNames()
      const [one = ''] = names.toSorted(() => random() - 0.5)
      if (names.length > 4) await store.run(['remove', one, '--yes'])
      if (random() < 0.2) await store.run(['restore', 'latest', '--yes'])
      if (random() < 0.2) await store.run(['annotate', 'latest', '--label', `round=${round}`])
      const { damage, exitCode } = await verify()
      expect(damage, `round ${round}: ${done.join(', ')}`).to.deep.equal([])
      expect(exitCode).to.equal(0)
    }
  })
})
