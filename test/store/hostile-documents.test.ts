import { existsSync } from 'node:fs'
import { rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { lastDocumentOf } from '../support/cli.ts'
import { expectRefusal } from '../support/refusal.ts'
import { makeStore, useStore } from '../support/test-store.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'

const escape = '\u001b[31m'

const hostileConfigs = {
  'that is empty': '',
  'that is no JSON': `${escape}{ not json`,
  'of another schema': '{"schema":99}',
  'without volumes': '{"schema":1,"volumes":[]}',
  'with a path that leads out': withVolume('data', '/var/../etc'),
  'with an id that leads out': withVolume('../../etc', '/var/tmp'),
  'with numbers for names': withVolume(7 as unknown as string, '/var/tmp'),
}

function withVolume(id: string, path: string): string {
  return JSON.stringify({
    schema: 1,
    volumes: [{ id, path }],
    cron: '0 3 * * *',
    timeZone: 'GMT',
    maxSnapshots: 3,
    engine: 'auto',
    startedAt: '',
    program: '',
  })
}

describe('A config.json', () => {
  const store = useStore()

  beforeEach(async () => {
    await store.snapshot()
  })

  for (const [title, text] of Object.entries(hostileConfigs)) {
    it(`${title} is refused in one line that says how to write it anew`, async () => {
      await writeFile(join(store.directory, '.snap-volume/config.json'), text)
      const before = store.published()
      const finished = await store.run(['snapshot'])
      expectRefusal(finished, 1, /config\.json cannot be used .*: run "snap-volume start ID:PATH"/)
      expect(finished.stderr).to.not.include(escape)
      expect(compareTrees(before, store.published())).to.deep.equal([])
    })
  }

  it('that is a link is not followed', async () => {
    const file = join(store.directory, '.snap-volume/config.json')
    await rm(file)
    await symlink('/etc/passwd', file)
    expectRefusal(await store.run(['snapshot']), 1, /config\.json cannot be used/)
  })

  it('that is broken does not keep show from listing the snapshots', async () => {
    await writeFile(join(store.directory, '.snap-volume/config.json'), '{')
    const { exitCode, stdout } = await store.run(['show'])
    expect(stdout).to.include(store.snapshotNames()[0]).and.include('warning: ')
    expect(exitCode).to.equal(0)
  })
})

const hostileRecords = {
  'that is no JSON': `${escape}{ not json`,
  'that is empty': '',
  'of another schema': '{"schema":99}',
  'of another name': '{"schema":1,"name":"@GMT-2001.01.01-00.00.00"}',
}

describe('A .snapshot.json', () => {
  const store = useStore()
  let broken: string
  let good: string

  beforeEach(async () => {
    broken = await store.snapshot()
    good = await store.snapshot()
  })

  for (const [title, text] of Object.entries(hostileRecords)) {
    it(`${title} is reported, and the other snapshots are usable`, async () => {
      await writeFile(join(store.directory, broken, '.snapshot.json'), text)
      const shown = await store.run(['show'])
      expect(shown.stdout).to.include(`warning: the record of ${broken} is damaged`)
      expect(shown.stdout).to.not.include(escape)
      const { exitCode } = await store.run(['restore', good, '--yes'])
      expect(exitCode).to.equal(0)
    })
  }

  it('that is broken keeps its snapshot from being restored and from being pruned', async () => {
    await writeFile(join(store.directory, broken, '.snapshot.json'), `${escape}{`)
    const finished = await store.run(['restore', broken, '--yes'])
    expectRefusal(finished, 1, /the record of \S+ is damaged .*can be copied by hand/)
    expect(finished.stderr).to.not.include(escape)
    await store.run(['prune'], { env: { SNAP_MAX: '1' } })
    expect(store.snapshotNames()).to.include(broken)
  })

  it('whose data are a link to elsewhere is not restored from there', async () => {
    await rm(store.dataIn(good), { recursive: true })
    await symlink('/etc', store.dataIn(good))
    const data = walkTree(store.data)
    expectRefusal(
      await store.run(['restore', good, '--yes']),
      1,
      /the data of data in \S+ are gone/,
    )
    expect(compareTrees(data, walkTree(store.data))).to.deep.equal([])
  })

  it('does not make its base out of a link to elsewhere', async () => {
    await rm(store.dataIn(good), { recursive: true })
    await symlink(store.data, store.dataIn(good))
    const { exitCode } = await store.run(['snapshot'])
    const document = lastDocumentOf(await store.run(['show', 'latest', '--json']))
    expect(exitCode).to.equal(3)
    expect((document['volumes'] as { base: string }[])[0]?.base).to.equal(broken)
  })
})

describe('A restore journal that cannot be read', () => {
  it('stops snapshot and restore in one line', async () => {
    const store = await makeStore()
    try {
      await store.snapshot()
      await writeFile(join(store.directory, '.snap-volume/journal/restore.json'), '$(touch x)')
      expectRefusal(await store.run(['snapshot']), 1, /restore\.json cannot be read/)
      expectRefusal(await store.run(['restore', 'latest']), 1, /restore\.json cannot be read/)
      expect(existsSync('x')).to.equal(false)
    } finally {
      await store.remove()
    }
  })
})
