import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect } from 'chai'
import { docker, runContainer, testLabel } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { sampleOnEngine } from './support/on-engine.ts'
import { succeeded } from './support/sidecar.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const built: string[] = []

interface Builder {
  title: string
  client: string
  buildKit: '0' | '1'
}

async function build({ client, buildKit }: Builder, ...options: string[]) {
  return execa(
    client,
    ['build', '--force-rm', '--network', 'host', '--label', testLabel, ...options, repository],
    { env: { DOCKER_BUILDKIT: buildKit }, reject: false, all: true },
  )
}

/** A docker client that has BuildKit: built in up to version 20, the plugin buildx later. */
async function clientWithBuildKit(): Promise<string | undefined> {
  for (const client of ['docker', '/usr/bin/docker']) {
    const { exitCode, stdout } = await execa(client, ['build', '--quiet', '-'], {
      env: { DOCKER_BUILDKIT: '1' },
      input: `FROM scratch\nLABEL ${testLabel}\n`,
      reject: false,
    })
    if (stdout.startsWith('sha256:')) built.push(stdout)
    if (exitCode === 0) return client
  }
  return undefined
}

async function buildsAndRuns(builder: Builder): Promise<void> {
  const tag = `snap-volume-test/built-with-${builder.title}`
  const { exitCode, all } = await build(builder, '--tag', tag)
  expect(exitCode, all).to.equal(0)
  built.push(tag)
  expect(succeeded(await runContainer(tag, { command: ['version'] }))).to.match(/^\d+\.\d+\.\d+/)
}

/** Builds from a Dockerfile that asks for an rsync that there is not. */
async function expectTooOldRsyncRefused(builder: Builder): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'dockerfile-'))
  try {
    const dockerfile = await readFile(join(repository, 'Dockerfile'), 'utf8')
    const demanding = dockerfile.replace(' ge 3.5.0 ', ' ge 99 ')
    expect(demanding).not.to.equal(dockerfile)
    await writeFile(join(directory, 'Dockerfile'), demanding)
    const { exitCode, all } = await build(builder, '--file', join(directory, 'Dockerfile'))
    expect(exitCode).not.to.equal(0)
    expect(all).to.match(/rsync \d\S+ is too old: .*bookworm-security/)
  } finally {
    await rm(directory, { recursive: true })
  }
}

sampleOnEngine({ oneIn: 2 }, 'the Dockerfile', function () {
  this.timeout(300_000)

  after(async () => {
    if (built.length > 0) await docker('rmi', '--force', ...new Set(built))
  })

  describe('with the legacy builder', () => {
    const builder: Builder = { title: 'legacy', client: 'docker', buildKit: '0' }

    it('makes an image that runs', () => buildsAndRuns(builder))

    it('refuses an rsync that is too old', () => expectTooOldRsyncRefused(builder))
  })

  describe('with BuildKit', () => {
    let builder: Builder

    before(async function () {
      const client = await clientWithBuildKit()
      if (client === undefined) skipBecause(this, 'no docker client here has BuildKit (buildx)')
      builder = { title: 'buildkit', client, buildKit: '1' }
    })

    it('makes an image that runs', () => buildsAndRuns(builder))

    it('refuses an rsync that is too old', () => expectTooOldRsyncRefused(builder))
  })
})
