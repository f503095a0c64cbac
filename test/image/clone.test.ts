import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { randomOf, seed } from '../crash/support/random.ts'
import { docker, execIn, startContainer, tryDocker, waitForHealthy } from '../support/docker.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { withDockerSocket } from './support/consumers.ts'
import { type Database, mariadb, postgres, startServer } from './support/databases.ts'
import { describeOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  dataIn,
  killIn,
  resultOf,
  runInVolume,
  startSidecar,
  succeeded,
  takeSnapshot,
} from './support/sidecar.ts'

const asks: Readonly<Record<string, { marks: string; count: string; client: string[] }>> = {
  MariaDB: {
    marks: 'CREATE TABLE bank.mark (a INT) ENGINE=InnoDB',
    count: `SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'mark'`,
    client: ['mariadb', '--batch', '--skip-column-names', '-e'],
  },
  PostgreSQL: {
    marks: 'CREATE TABLE mark (a INT)',
    count: `SELECT COUNT(*) FROM pg_tables WHERE tablename = 'mark'`,
    client: ['psql', '--no-psqlrc', '--tuples-only', '--no-align', '-c'],
  },
}

for (const database of [mariadb, postgres]) {
  describeOnEngine(`A clone of a snapshot of a running ${database.name}`, () => {
    const name = `snap-volume-test-${randomUUID()}`
    const { marks = '', count = '', client = [] } = asks[database.name] ?? {}
    let sidecar: Sidecar
    let server: string
    let snapshot: string
    let second: string | undefined

    const inSidecar = async (...words: string[]) =>
      execIn(sidecar.container, 'snap-volume', ...words)
    const isMarked = async (of: string): Promise<boolean> =>
      succeeded(await execIn(of, ...client, count)).trim() === '1'

    before(async () => {
      sidecar = await startSidecar({
        id: 'db',
        path: database.path,
        env: { SNAP_QUIESCE: 'pause' },
        options: withDockerSocket,
      })
      server = await startServer(database, ['--volumes-from', sidecar.container])
      await database.prepare(server)
      snapshot = await takeSnapshot(sidecar)
    })
    after(async () => {
      if (second !== undefined) await tryDocker('rm', '-f', second)
      await tryDocker('volume', 'rm', '-f', name)
    })

    it('starts a second server, and what that writes is in the clone only', async () => {
      const before = walkTree(dataIn(sidecar, snapshot))
      const output = succeeded(await inSidecar('clone', snapshot, name))
      expect(output).to.match(/by overlay; it takes nothing now; a file that is opened for writing/)
      second = await startOn(database, name)
      await database.check(second)
      succeeded(await execIn(second, ...client, marks))
      expect(await isMarked(second)).to.equal(true)
      expect(await isMarked(server)).to.equal(false)
      expect(compareTrees(before, walkTree(dataIn(sidecar, snapshot)))).to.deep.equal([])
    })

    it('starts a copy of the server by itself, without its network and ports', async () => {
      const trial = `${name}-run`
      const plan = succeeded(await inSidecar('clone', snapshot, trial, '--run', '--dry-run'))
      expect(plan).to.match(/would be: docker run -d --name \S+ --network none -v /)
      const output = succeeded(await inSidecar('clone', snapshot, trial, '--run'))
      expect(output).to.match(/ runs on it, a copy of /)
      await waitForHealthy(`${trial}-copy`)
      await database.check(`${trial}-copy`)
      expect(
        await docker('inspect', '--format', '{{.HostConfig.NetworkMode}}', `${trial}-copy`),
      ).to.equal('none')
      await docker('rm', '-fv', `${trial}-copy`)
      succeeded(await inSidecar('clone', 'remove', trial, '--yes'))
    })

    it('is told of, and kept while a container has it', async () => {
      const listed = succeeded(await inSidecar('clone', 'list'))
      expect(listed).to.match(new RegExp(`${name} .*\\(running\\)`))
      for (const words of [
        ['clone', 'remove', name, '--yes'],
        ['clone', 'promote', name, '--yes'],
        ['clone', 'flatten', name],
        ['remove', snapshot, '--yes'],
      ]) {
        const { exitCode, stderr } = await inSidecar(...words)
        expect(exitCode, stderr).to.equal(1)
      }
    })

    it('is made live by promote, and undo takes that back', async () => {
      await docker('stop', second ?? '')
      const changed = succeeded(await inSidecar('clone', 'diff', name, '--stat'))
      expect(changed).to.match(/^db: .*added/)
      succeeded(await inSidecar('clone', 'promote', name, '--yes'))
      await waitForHealthy(server)
      expect(await isMarked(server)).to.equal(true)
      await database.check(server)
      succeeded(await inSidecar('restore', '--undo', '--yes'))
      await waitForHealthy(server)
      expect(await isMarked(server)).to.equal(false)
    })

    it('is a clone of its own when it is cloned, and outlives its snapshot when it is flat', async () => {
      const other = `${name}-2`
      succeeded(await inSidecar('clone', name, other))
      await docker('rm', '-f', second ?? '')
      succeeded(await inSidecar('clone', 'flatten', name))
      succeeded(await inSidecar('clone', 'flatten', name))
      succeeded(await inSidecar('clone', 'remove', other, '--yes'))
      await takeSnapshot(sidecar)
      succeeded(await inSidecar('remove', snapshot, '--yes'))
      second = await startOn(database, name)
      expect(await isMarked(second)).to.equal(true)
      await database.check(second)
      await docker('rm', '-f', second)
      succeeded(await inSidecar('clone', 'remove', name, '--yes'))
      expect((await tryDocker('volume', 'inspect', name)).exitCode).not.to.equal(0)
    })
  })
}

describeOnEngine('A clone that is an overlay', () => {
  it('shares with its base what did not change, and leaves volumes of others alone', async () => {
    const sidecar = await startSidecar({
      options: withDockerSocket,
      fill: 'for i in $(seq 50); do echo $i > file$i; done; head -c 3M /dev/urandom > large',
    })
    const snapshot = await takeSnapshot(sidecar)
    const inSidecar = async (...words: string[]) =>
      execIn(sidecar.container, 'snap-volume', ...words)
    const name = `snap-volume-test-${randomUUID()}`
    succeeded(await inSidecar('clone', snapshot, name))
    await runInVolume(name, 'echo changed > file1')
    const taken = resultOf(succeeded(await inSidecar('clone', 'snapshot', name, '--json')))
    expect(taken).to.have.nested.property('snapshot.volumes[0].contents.addedFiles', 1)
    succeeded(await inSidecar('clone', 'flatten', name))
    expect(await runInVolume(name, 'cat file1')).to.equal('changed')

    succeeded(await inSidecar('remove', snapshot, '--yes'))
    succeeded(await inSidecar('clone', 'snapshot', name))
    succeeded(await inSidecar('clone', name, `${name}-2`))
    expect((await inSidecar('clone', 'diff', name)).stderr).to.match(/is gone: compare another one/)

    await docker('volume', 'rm', name)
    await docker('volume', 'create', name)
    await runInVolume(name, 'echo precious > of-somebody-else')
    for (const words of [
      ['flatten', name],
      ['snapshot', `${name}-2`],
      ['remove', name, '--yes'],
    ]) {
      await inSidecar('clone', ...words)
    }
    expect(await runInVolume(name, 'cat of-somebody-else')).to.equal('precious')
    await docker('volume', 'rm', name)
    succeeded(await inSidecar('clone', 'remove', `${name}-2`, '--yes'))
    expect((await inSidecar('clone', snapshot, 'snap-volume-prove-mine')).exitCode).to.equal(2)
  })

  it('loses nothing that a container writes while it is made flat', async () => {
    const sidecar = await startSidecar({
      options: withDockerSocket,
      fill: 'head -c 80M /dev/urandom > large; echo 1 > file',
    })
    await takeSnapshot(sidecar)
    const name = `snap-volume-test-${randomUUID()}`
    const inSidecar = async (...words: string[]) =>
      execIn(sidecar.container, 'snap-volume', ...words)
    succeeded(await inSidecar('clone', 'latest', name))
    const flattened = inSidecar('clone', 'flatten', name)
    await sleep(700)
    await runInVolume(name, 'echo order > order')
    const { exitCode } = await flattened
    if (exitCode === 0) expect(await runInVolume(name, 'cat order')).to.equal('order')
    expect(await runInVolume(name, 'ls')).to.contain('order')
    await tryDocker('volume', 'rm', name)
  })

  const kills = Number(process.env['SNAP_VOLUME_TEST_KILLS'] ?? 2)

  it(`holds what it held when flatten is killed, and is flat at last (SNAP_VOLUME_TEST_SEED=${seed})`, async () => {
    const sidecar = await startSidecar({
      options: withDockerSocket,
      fill: 'for i in $(seq 300); do echo $i > file$i; done; head -c 30M /dev/urandom > large',
    })
    await takeSnapshot(sidecar)
    const name = `snap-volume-test-${randomUUID()}`
    const inSidecar = async (...words: string[]) =>
      execIn(sidecar.container, 'snap-volume', ...words)
    const inClone = async (script: string) => runInVolume(name, script)
    const digest = 'find . -type f | sort | xargs sha256sum | sha256sum'

    const random = randomOf('flatten')
    for (let kill = 0; kill < kills; kill += 1) {
      succeeded(await inSidecar('clone', 'latest', name))
      await inClone('echo changed > file1; rm file2; ln file3 other')
      const before = await inClone(digest)
      const running = inSidecar('clone', 'flatten', name)
      await sleep(200 + random() * 2500)
      await killIn(sidecar.container, 'snap-volume clone flatten')
      await running

      for (let again = 0; again < 3; again += 1) {
        const { exitCode, stderr } = await inSidecar('clone', 'flatten', name)
        if (exitCode === 0) break
        expect(again, stderr).to.be.lessThan(2)
      }
      expect(await inClone(digest)).to.equal(before)
      expect((await inClone('stat -c %h file3')).trim()).to.equal('2')
      succeeded(await inSidecar('clone', 'remove', name, '--yes'))
    }
  })
})

async function startOn({ image, path, options, command }: Database, volume: string) {
  const container = await startContainer(image, {
    options: [...options, '-v', `${volume}:${path}`],
    command: [...command],
  })
  await waitForHealthy(container)
  return container
}
