import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { docker, testLabel } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { commandsUnder, composeRunner, findCompose } from './support/compose.ts'
import { eventually } from './support/eventually.ts'
import { baseImage, describeOnEngine, productImage } from './support/on-engine.ts'
import { howOften, sample } from '../support/sample.ts'

const examples = fileURLToPath(new URL('../../examples/databases/', import.meta.url))

interface Example {
  file: string
  image: string
  /** Commands in the server that write a value, and read it. */
  write: (value: string) => string
  read: string
}

const node = (script: string): string =>
  `node -e "const { DatabaseSync } = require('node:sqlite'); const database = new DatabaseSync('/data/app.db'); ${script}"`

const all: Example[] = [
  {
    file: 'mariadb.yaml',
    image: 'snap-volume-test/mariadb',
    write: (value) =>
      `mariadb -e "CREATE DATABASE IF NOT EXISTS shop; CREATE OR REPLACE TABLE shop.fruit SELECT '${value}' AS name"`,
    read: 'mariadb --skip-column-names -e "SELECT name FROM shop.fruit"',
  },
  {
    file: 'postgresql.yaml',
    image: 'snap-volume-test/postgres',
    write: (value) =>
      `psql -c "DROP TABLE IF EXISTS fruit" -c "CREATE TABLE fruit AS SELECT '${value}' AS name"`,
    read: 'psql --tuples-only --no-align -c "SELECT name FROM fruit"',
  },
  {
    file: 'sqlite.yaml',
    image: baseImage,
    write: (value) =>
      node(
        `database.exec('DROP TABLE IF EXISTS fruit'); database.exec('CREATE TABLE fruit AS SELECT \\'${value}\\' AS name')`,
      ),
    read: node(`console.log(database.prepare('SELECT name FROM fruit').get().name)`),
  },
  {
    file: 'redis.yaml',
    image: 'snap-volume-test/redis',
    write: (value) => `redis-cli set fruit ${value}`,
    read: 'redis-cli get fruit',
  },
]

for (const { file, image, write, read } of sample(all, howOften(all.length, 2), 'databases')) {
  describeOnEngine(`examples/databases/${file}`, () => {
    it('does what its comments say', async function () {
      const compose = await findCompose()
      if (compose === undefined) {
        skipBecause(this, 'there is neither docker-compose nor the plugin of docker')
      }
      const scratch = await mkdtemp(join(tmpdir(), 'database-'))
      const settings = join(scratch, 'test.yaml')
      const label = `labels: ['${testLabel}']`
      await writeFile(
        settings,
        `services:
  snap: { image: '${productImage}', ${label} }
  db: { image: '${image}' }
volumes:
  data: { ${label} }
  snapshots: { ${label} }
`,
      )
      const path = join(examples, file)
      const run = composeRunner(compose, `database-${file.split('.')[0]}-${process.pid}`, [
        path,
        settings,
      ])
      const follow = async (heading: string): Promise<string> => {
        const outputs: string[] = []
        for (const command of await commandsUnder(path, heading)) outputs.push(await run(command))
        return outputs.join('\n')
      }
      const inServer = async (command: string): Promise<string> =>
        eventually(`an answer of the server to ${command}`, () =>
          run(`docker compose exec db ${command}`).then(
            (output) => output.trim(),
            () => undefined,
          ),
        )
      try {
        await follow('Start both')
        await inServer(write('plum'))
        await follow('Take a snapshot now')
        expect(await follow('See the snapshots')).to.match(/ paused .*before the upgrade/)
        await inServer(write('none'))
        expect(await follow('Restore')).to.match(/would become[^]*is as it was in/)
        expect(await inServer(read)).to.equal('plum')
        await follow('Go back')
        expect(await inServer(read)).to.equal('none')
        const server = await run('docker compose ps --quiet db')
        expect(await docker('inspect', '--format', '{{.State.Status}}', server)).to.equal('running')
      } finally {
        await run('docker compose down --volumes')
        await rm(scratch, { recursive: true })
      }
    })
  })
}
