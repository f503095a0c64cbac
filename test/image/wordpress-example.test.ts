import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { testLabel } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { commandsUnder, composeRunner, findCompose } from './support/compose.ts'
import { eventually } from './support/eventually.ts'
import { productImage, sampleOnEngine } from './support/on-engine.ts'

const example = fileURLToPath(new URL('../../examples/wordpress.yaml', import.meta.url))

/** WordPress is an image with a client of the database that waits for what it is told. */
const overrides = `
services:
  snap: { image: '${productImage}', labels: ['${testLabel}'] }
  db: { image: snap-volume-test/mariadb, labels: ['${testLabel}'] }
  wordpress:
    image: snap-volume-test/mariadb
    labels: ['${testLabel}']
    init: true
    entrypoint: [sleep, infinity]
    healthcheck: { disable: true }
volumes:
  database: { labels: ['${testLabel}'] }
  files: { labels: ['${testLabel}'] }
  snapshots: { labels: ['${testLabel}'] }
`

const prepare = `
  CREATE DATABASE blog; CREATE TABLE blog.post SELECT 0 AS number;
  CREATE USER wordpress; GRANT ALL ON blog.* TO wordpress`

/**
 * Writes a number into a file, then the same into the database, then the next one, all the time.
 */
const publish = `
  number=0
  while number=$((number + 1)); do
    echo $number >/var/www/html/next && mv /var/www/html/next /var/www/html/picture
    mariadb -h db -u wordpress -e "UPDATE blog.post SET number = $number"
  done`

sampleOnEngine({ oneIn: 2 }, 'examples/wordpress.yaml', () => {
  let scratch: string
  let run: (line: string) => Promise<string>

  before(async function () {
    const compose = await findCompose()
    if (compose === undefined) {
      skipBecause(this, 'there is neither docker-compose nor the plugin of docker')
    }
    scratch = await mkdtemp(join(tmpdir(), 'wordpress-'))
    const settings = join(scratch, 'test.yaml')
    await writeFile(settings, overrides)
    run = composeRunner(compose, `wordpress-${process.pid}`, [example, settings])
    await follow('Start all')
    await inDatabase(prepare)
    await run(`docker compose exec -d wordpress bash -c '${publish}'`)
    await eventually('some posts', async () => ((await numbers()).post > 20 ? true : undefined))
  })

  after(async () => {
    await run('docker compose down --volumes')
    await rm(scratch, { recursive: true })
  })

  async function follow(heading: string): Promise<string> {
    const outputs: string[] = []
    for (const command of await commandsUnder(example, heading)) outputs.push(await run(command))
    return outputs.join('\n')
  }

  async function inDatabase(sql: string): Promise<string> {
    return eventually(`an answer to ${sql}`, () =>
      run(`docker compose exec db mariadb --skip-column-names -e '${sql}'`).catch(() => undefined),
    )
  }

  async function numbers(): Promise<{ picture: number; post: number }> {
    const picture = await run('docker compose exec wordpress cat /var/www/html/picture')
    return {
      picture: Number(picture),
      post: Number(await inDatabase('SELECT number FROM blog.post')),
    }
  }

  it('has both volumes in one snapshot, for which both containers were paused', async () => {
    await follow('Take a snapshot of both now')
    expect(await follow('See the snapshots')).to.match(/ paused .*before the upgrade/)
    const output = await run('docker compose exec snap snap-volume show latest --json')
    const { volumes, consumers } = JSON.parse(output) as {
      volumes: { id: string }[]
      consumers: { action: string }[]
    }
    expect(volumes.map(({ id }) => id)).to.deep.equal(['database', 'files'])
    expect(consumers.map(({ action }) => action)).to.deep.equal(['pause', 'pause'])
  })

  it('brings both back together, as they were at one instant', async () => {
    const before = await numbers()
    expect(await follow('Restore both')).to.match(/would become[^]*is as it was in/)
    const { picture, post } = await numbers()
    expect(picture).to.be.above(0).and.below(before.picture)
    // the picture comes first
    expect(picture - post).to.be.oneOf([0, 1])
  })

  it('goes back to what the restore replaced, both together', async () => {
    const before = await numbers()
    await follow('Go back')
    const { picture, post } = await numbers()
    expect(picture).to.be.above(before.picture)
    expect(picture - post).to.be.oneOf([0, 1])
  })

  it('brings back only the files where that is asked for', async () => {
    const before = await numbers()
    await follow('Restore only the files')
    const { picture, post } = await numbers()
    expect(picture).to.be.below(before.picture)
    expect(post).to.equal(before.post)
  })
})
