import { mkdtempSync, rmSync } from 'node:fs'
import { type Server, createServer, request } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { type AddressInfo, type ListenOptions, connect } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import type { SnapshotRecord } from '../../src/store/record.ts'
import { execIn, removeContainer } from '../support/docker.ts'
import { isCounting, startConsumer, stateOf } from './support/consumers.ts'
import { describeOnEngine, sampleOnEngine } from './support/on-engine.ts'
import { type Sidecar, resultOf, runBeside, startSidecar, succeeded } from './support/sidecar.ts'

/**
 * A socket proxy as people put before the Engine: what fits a pattern of `denied` it answers with
 * 403.
 */
function startProxy(place: ListenOptions, denied: () => RegExp): Server {
  const server = createServer((incoming, outgoing) => {
    if (denied().test(`${incoming.method} ${incoming.url}`)) {
      outgoing.writeHead(403, { 'content-type': 'text/html' })
      outgoing.end('<html><body><h1>403 Forbidden</h1>\nRequest forbidden.\n</body></html>')
      return
    }
    const { method, url: path, headers } = incoming
    const passed = request(
      { socketPath: '/var/run/docker.sock', method, path, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      },
    )
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  // what an exec is attached to
  server.on('upgrade', ({ method, url, rawHeaders }, client, head) => {
    const engine = connect('/var/run/docker.sock', () => {
      const fields = rawHeaders.flatMap((word, index) =>
        index % 2 === 0 ? [`${word}: ${rawHeaders[index + 1]}`] : [],
      )
      engine.write(`${[`${method} ${url} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n`)
      engine.write(head)
      engine.pipe(client).pipe(engine)
    })
    engine.on('error', () => client.destroy())
    client.on('error', () => engine.destroy())
  })
  return server.listen(place)
}

sampleOnEngine({ tests: 4 }, 'a Docker API behind a proxy', () => {
  let home: string
  let proxy: Server
  let sidecar: Sidecar
  let consumer: string
  let denied = /^$/

  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'proxy-'))
    proxy = startProxy({ path: join(home, 'docker.sock') }, () => denied)
    await once(proxy, 'listening')
    sidecar = await startSidecar({
      env: { SNAP_QUIESCE: 'pause', DOCKER_HOST: 'unix:///proxy/docker.sock' },
      options: ['-v', `${home}:/proxy`],
    })
    consumer = await startConsumer(sidecar, { options: ['--label', 'x=y'] })
    await isCounting(sidecar)
  })

  after(() => {
    proxy.close()
    proxy.closeAllConnections()
    rmSync(home, { recursive: true })
  })

  async function snapshot(): Promise<{ exitCode: number; stdout: string; consistency?: string }> {
    const { exitCode, stdout } = await execIn(
      sidecar.container,
      'snap-volume',
      'snapshot',
      '--json',
    )
    const { snapshot: record } = resultOf(stdout) as { snapshot?: { consistency: string } }
    return { exitCode, stdout, ...record }
  }

  it('serves like the socket itself', async () => {
    const { stdout, consistency } = await snapshot()
    expect(consistency, stdout).to.equal('paused')
    expect(await stateOf(consumer)).to.equal('running')
  })

  const endpoints: [what: string, denied: RegExp, named: RegExp][] = [
    [
      'to list containers',
      /^GET \/containers\/json/,
      /does not allow GET \/containers\/json \(403\)/,
    ],
    [
      'to pause',
      /^POST .*\/pause/,
      /does not allow POST \/containers\/[0-9a-f]{64}\/pause \(403\)/,
    ],
  ]
  for (const [what, pattern, named] of endpoints) {
    it(`that does not allow ${what} is named, and the snapshot is of the live data`, async () => {
      denied = pattern
      const { exitCode, stdout, consistency } = await snapshot()
      denied = /^$/
      expect([exitCode, consistency]).to.deep.equal([3, 'live'])
      expect(stdout).to.match(named)
      expect(stdout).to.contain('allow it in the socket proxy')
      expect(await stateOf(consumer)).to.equal('running')
    })
  }

  it('that does not allow to unpause is named, and the container is woken by a later command', async () => {
    denied = /^POST .*\/unpause/
    const { exitCode, stdout } = await snapshot()
    expect(exitCode).to.equal(3)
    expect(stdout).to.match(/is still paused: .*does not allow POST .*\/unpause/)
    expect(await stateOf(consumer)).to.equal('paused')
    denied = /^$/
    succeeded(await execIn(sidecar.container, 'snap-volume', 'show'))
    expect(await stateOf(consumer)).to.equal('running')
  })

  it('that does not allow to start is named, the others are started, and a later command starts it', async () => {
    const other = await startConsumer(sidecar, { command: ['sleep', 'infinity'] })
    // one of the two
    denied = new RegExp(`^POST .*/${consumer}/start`)
    const { exitCode, stdout } = await execIn(
      '-e',
      'SNAP_QUIESCE=stop',
      sidecar.container,
      'snap-volume',
      'snapshot',
      '--json',
    )
    expect(exitCode).to.equal(3)
    expect(stdout).to.match(/is still stopped: .*does not allow POST .*\/start/)
    expect([await stateOf(consumer), await stateOf(other)]).to.deep.equal(['exited', 'running'])
    denied = /^$/
    succeeded(await execIn(sidecar.container, 'snap-volume', 'show'))
    expect(await stateOf(consumer)).to.equal('running')
    await removeContainer(other)
  })

  it('that does not allow to stop keeps a restore from writing under a running application', async () => {
    denied = /^POST .*\/stop/
    const { exitCode, stderr } = await runBeside(sidecar, ['restore', 'latest'], {
      DOCKER_HOST: 'unix:///proxy/docker.sock',
    })
    denied = /^$/
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/nothing was restored, because \S+ may still write the data/)
    expect(await stateOf(consumer)).to.equal('running')
  })

  it('that does not allow to list containers keeps a restore from writing under who is not known', async () => {
    denied = /^GET \/containers\/json/
    const { exitCode, stderr } = await runBeside(sidecar, ['restore', 'latest'], {
      DOCKER_HOST: 'unix:///proxy/docker.sock',
    })
    denied = /^$/
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(
      /nothing was restored, because nobody can say who writes the data: .*403/,
    )
  })

  it('that does not allow to look at a container pauses it, and lets it go on', async () => {
    denied = /^GET \/containers\/[0-9a-f]{64}\/json/
    const { stdout, consistency } = await snapshot()
    denied = /^$/
    expect(consistency, stdout).to.equal('paused')
    expect(await stateOf(consumer)).to.equal('running')
  })

  it('that is not there at all is named, and the rest works', async () => {
    proxy.close()
    proxy.closeAllConnections()
    const { exitCode, stdout, consistency } = await snapshot()
    expect([exitCode, consistency]).to.deep.equal([3, 'live'])
    expect(stdout).to.match(/the Docker API at unix:\/\/\/proxy\/docker.sock cannot be reached/)
  })
})

describeOnEngine('a Docker API behind a proxy on TCP', () => {
  let proxy: Server
  let sidecar: Sidecar
  let denied = /^$/

  before(async () => {
    proxy = startProxy({ host: '127.0.0.1', port: 0 }, () => denied)
    await once(proxy, 'listening')
    const { port } = proxy.address() as AddressInfo
    sidecar = await startSidecar({
      fill: 'echo one > one',
      env: { SNAP_QUIESCE: 'pause', DOCKER_HOST: `tcp://127.0.0.1:${port}` },
      options: ['--network', 'host'],
    })
    await startConsumer(sidecar, {
      labels: {
        'snap-volume.pre-snapshot': 'echo ready; cat; echo ended',
        'snap-volume.pre-snapshot.session': 'true',
      },
      command: ['sleep', 'infinity'],
    })
  })

  after(() => {
    proxy.close()
    proxy.closeAllConnections()
  })

  it('pauses, and runs hooks', async () => {
    const { stdout } = await execIn(sidecar.container, 'snap-volume', 'snapshot', '--json')
    const { snapshot } = resultOf(stdout) as { snapshot?: SnapshotRecord }
    expect(snapshot?.consistency, stdout).to.equal('paused')
    expect(snapshot?.hooks?.[0]).to.include({ outcome: 'done', output: 'ready\nended\n' })
  })

  it('that does not allow hooks is named, and nothing is published', async () => {
    denied = /^POST .*\/exec/
    const { exitCode, stderr } = await execIn(sidecar.container, 'snap-volume', 'snapshot')
    denied = /^$/
    expect(exitCode).to.equal(1)
    expect(stderr).to.match(/does not allow POST \/containers\/[0-9a-f]{64}\/exec \(403\)/)
  })
})
