import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { docker, execIn, testLabel, tryDocker } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { commandsUnder } from './support/compose.ts'
import { eventually, logLine } from './support/eventually.ts'
import { productImage, sampleOnEngine } from './support/on-engine.ts'

const example = fileURLToPath(new URL('../../examples/swarm/stack.yaml', import.meta.url))
const stack = `shop${process.pid}`
const gateway = 'docker_gwbridge'

const overrides = `
version: '3.8'
services:
  snap: { image: '${productImage}', labels: ['${testLabel}'], deploy: { labels: ['${testLabel}'] } }
  db: { image: snap-volume-test/mariadb, labels: ['${testLabel}'] }
volumes:
  data: { labels: ['${testLabel}'] }
  snapshots: { labels: ['${testLabel}'] }
`

/** The container of a service's task on this node; there may be none. */
async function taskOf(service: 'snap' | 'db'): Promise<string> {
  return docker('ps', '--quiet', '--no-trunc', '--filter', `name=${stack}_${service}`)
}

async function isThere(network: string): Promise<boolean> {
  return (await docker('network', 'ls', '--quiet', '--filter', `name=^${network}$`)) !== ''
}

async function sql(text: string): Promise<string> {
  return eventually(`an answer to ${text}`, async () => {
    const server = await taskOf('db')
    if (server === '') return undefined
    const { exitCode, stdout } = await execIn(server, 'mariadb', '--skip-column-names', '-e', text)
    return exitCode === 0 ? stdout : undefined
  })
}

const breakIt = async () => sql('UPDATE shop.fruit SET name = "none"')
const name = async () => sql('SELECT name FROM shop.fruit')

sampleOnEngine({ oneIn: 2 }, 'examples/swarm/stack.yaml', function () {
  this.timeout(240_000)
  let scratch: string
  let hadGateway: boolean

  before(async function () {
    const state = await docker('info', '--format', '{{.Swarm.LocalNodeState}}')
    if (state !== 'inactive') skipBecause(this, `this Engine's Swarm is ${state} already`)
    hadGateway = await isThere(gateway)
    scratch = await mkdtemp(join(tmpdir(), 'swarm-'))
    await writeFile(join(scratch, 'test.yaml'), overrides)
    await docker('swarm', 'init', '--advertise-addr', '127.0.0.1')
    await follow('Say which node')
    await follow('Start both')
    const sidecar = await eventually('the sidecar', async () => (await taskOf('snap')) || undefined)
    await logLine(sidecar, / started: /)
    await sql('CREATE DATABASE shop; CREATE TABLE shop.fruit SELECT "plum" AS name')
  })

  after(async () => {
    if (scratch === undefined) return
    await rm(scratch, { recursive: true })
    await tryDocker('stack', 'rm', stack)
    await eventually('the end of all that the stack had', async () => {
      const filter = ['--quiet', '--filter', `name=${stack}_`]
      const left = [
        await docker('ps', '--all', ...filter),
        await docker('network', 'ls', ...filter),
      ]
      return left.every((list) => list === '') ? true : undefined
    })
    await docker('swarm', 'leave', '--force')
    if (!hadGateway) await docker('network', 'rm', gateway)
  })

  /** Does what the comments say, with the images and the name of this test. */
  async function follow(heading: string): Promise<string> {
    const outputs: string[] = []
    for (const command of await commandsUnder(example, heading)) {
      const line = command
        .replaceAll(/\bshop(?=_|$)/g, stack)
        .replace('-c stack.yaml', `-c '${example}' -c '${scratch}/test.yaml' --resolve-image never`)
      outputs.push((await execa('bash', ['-c', line], { stdin: 'ignore' })).stdout)
    }
    return outputs.join('\n')
  }

  it('takes snapshots for which the task is paused, and stays the same one', async () => {
    const task = await taskOf('db')
    await follow('Take a snapshot now')
    expect(await follow('See the snapshots')).to.match(/ paused .*before the upgrade/)
    expect(await taskOf('db')).to.equal(task)
  })

  it('has a sidecar that can do no more than it must', async () => {
    const format =
      '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{len .HostConfig.CapAdd}}'
    expect(await docker('inspect', '--format', format, await taskOf('snap'))).to.equal(
      'true [ALL] 6',
    )
  })

  it('refuses a restore while the service runs', async () => {
    await breakIt()
    const sidecar = await taskOf('snap')
    const { exitCode, stderr } = await execIn(sidecar, 'snap-volume', 'restore', 'latest', '--yes')
    expect(exitCode).to.equal(1)
    expect(stderr).to.contain('scale the service to 0 first; nothing was restored')
    expect(await name()).to.equal('none')
  })

  it('restores while the service is away, and goes back', async () => {
    expect(await follow('Restore')).to.match(/would become[^]*is as it was in/)
    expect(await name()).to.equal('plum')
    await follow('Go back')
    expect(await name()).to.equal('none')
  })

  it('keeps the data and the snapshots when the services are removed', async () => {
    await follow('Remove the services')
    const volumes = await docker('volume', 'ls', '--quiet', '--filter', `name=${stack}_`)
    expect(volumes.split('\n')).to.have.length(2)
  })
})
