import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rmdir, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Daemon, type Environment, launchCli } from '../support/cli.ts'
import { freePort } from '../support/free-port.ts'
import { expectRefusal } from '../support/refusal.ts'
import { misfitsOf } from '../unit/support/json-schema.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

const token = 'a-token-of-these-tests'
const bearer = { authorization: `Bearer ${token}` }

describe('The daemon on the network', () => {
  let store: TestStore
  let daemon: Daemon | undefined
  let port: number
  let url: string

  async function start(env: Environment = {}): Promise<Daemon> {
    port = await freePort()
    url = `http://127.0.0.1:${port}`
    daemon = await store.startDaemon({
      env: { SNAP_TOKEN: token, SNAP_LISTEN: `:${port}`, ...env },
    })
    return daemon
  }

  /** What a client needs, which has no store. */
  const client = (at = port): Environment => ({
    SNAP_TOKEN: token,
    SNAP_HOST: `127.0.0.1:${at}`,
    SNAP_DIR: '/nowhere',
  })

  beforeEach(async () => {
    store = await makeStore()
  })

  afterEach(async () => {
    await daemon?.stop()
    daemon = undefined
    await store.remove()
  })

  it('does not listen without a token, and says so where SNAP_LISTEN asks for it', async () => {
    port = await freePort()
    daemon = await store.startDaemon({ env: { SNAP_LISTEN: `:${port}` } })
    expect(daemon.output()).to.contain('SNAP_LISTEN has no effect without SNAP_TOKEN')
    const { exitCode, stderr } = await store.run(['show'], { env: client() })
    expect([exitCode, stderr]).to.deep.equal([
      1,
      `snap-volume: nobody listens at http://127.0.0.1:${port}: does the daemon run, and has it a SNAP_TOKEN? Without one it listens on no network\n`,
    ])
  })

  it('answers no call without the token, or with another one', async () => {
    await start()
    const calls: [method: string, path: string][] = [
      ['GET', '/v1/openapi.json'],
      ['GET', '/v1/runs'],
      ['GET', '/v1/runs/x'],
      ['DELETE', '/v1/runs/x'],
      ['POST', '/v1/runs/x/input'],
      ...['show', 'snapshot', 'restore', 'prune', 'status', 'nonsense'].map(
        (name): [string, string] => ['POST', `/v1/commands/${name}`],
      ),
    ]
    for (const [method, path] of calls) {
      for (const authorization of [
        undefined,
        'Bearer wrong',
        'Bearer ',
        'Bearer',
        `Bearer${token}`,
        `Basic ${token}`,
        token,
      ]) {
        const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
        const answer = await fetch(url + path, { method, headers })
        expect(answer.status, `${method} ${path} ${authorization}`).to.equal(401)
        expect(answer.headers.get('www-authenticate')).to.match(/^Bearer realm=/)
      }
    }
    expect(store.snapshotNames()).to.deep.equal([])
    expect((await fetch(`${url}/v1/runs`, { headers: bearer })).status).to.equal(200)
  })

  it('tells its health and metrics on loopback, and elsewhere only with the token or SNAP_METRICS_PUBLIC', async function () {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((found) => found?.internal === false && found.family === 'IPv4')?.address
    await start()
    for (const path of ['/healthz', '/metrics']) {
      expect((await fetch(url + path)).status).to.equal(200)
      if (address === undefined) continue
      const elsewhere = `http://${address}:${port}${path}`
      expect((await fetch(elsewhere)).status).to.equal(401)
      expect((await fetch(elsewhere, { headers: bearer })).status).to.equal(200)
    }
    await daemon?.stop()
    await start({ SNAP_METRICS_PUBLIC: 'true' })
    if (address === undefined) return
    expect((await fetch(`http://${address}:${port}/metrics`)).status).to.equal(200)
    expect((await fetch(`http://${address}:${port}/v1/runs`)).status).to.equal(401)
  })

  it('streams the events of a command as lines of JSON, the exit code last', async () => {
    await start()
    const response = await fetch(`${url}/v1/commands/snapshot`, {
      method: 'POST',
      headers: bearer,
      body: JSON.stringify({ options: { message: 'by HTTP', label: ['ticket=4711'] } }),
    })
    expect(response.headers.get('content-type')).to.equal('application/x-ndjson')
    const events = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; exitCode?: number })
    expect(events.map(({ type }) => type)).to.include.members(['run', 'phase', 'result', 'exit'])
    expect(events.at(-1)).to.deep.equal({ type: 'exit', exitCode: 0 })
    expect(store.snapshotNames()).to.have.length(1)
  })

  const wrong: [what: string, name: string, body: unknown, status: number, error: RegExp][] = [
    ['a command that is none', 'nonsense', {}, 404, /no such command/],
    ['a command that is not for clients', 'start', {}, 404, /no such command/],
    ['an option that is none', 'show', { options: { x: 1 } }, 400, /show has no option /],
    ['__proto__', 'show', '{"options":{"__proto__":{"all":true}}}', 200, /./],
    ['an option of another type', 'show', { options: { all: 'yes' } }, 400, /all must be true/],
    ['a list with other things', 'snapshot', { options: { label: [1] } }, 400, /a list of texts/],
    ['what is no JSON', 'show', '{', 400, /the body/],
    ['what nobody knows', 'show', { option: {} }, 400, /option/],
  ]
  it('refuses what it does not understand, and says why', async () => {
    await start()
    for (const [what, name, body, status, error] of wrong) {
      const response = await fetch(`${url}/v1/commands/${name}`, {
        method: 'POST',
        headers: bearer,
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      expect(response.status, what).to.equal(status)
      expect(await response.text(), what).to.match(error)
    }
  })

  it('refuses a body of more than 64 KiB', async () => {
    await start()
    const response = await fetch(`${url}/v1/commands/show`, {
      method: 'POST',
      headers: bearer,
      body: JSON.stringify({ options: { snapshot: 'x'.repeat(100_000) } }),
    })
    expect(response.status).to.equal(413)
    expect(await response.json()).to.deep.equal({ error: 'a body has at most 65536 bytes' })
  })

  it('takes 64 KiB for a command that reads nothing, and no more', async () => {
    await start({ SNAP_PRE_SNAPSHOT: 'sleep 30' })
    const launched = launchCli(['snapshot', '--json'], { env: client() })
    await launched.line(/"phase":"copy"/)
    const list = await fetch(`${url}/v1/runs`, { headers: bearer })
    const { runs } = (await list.json()) as { runs: { id: string }[] }
    const statuses: number[] = []
    for (let count = 0; count < 65; count += 1) {
      const { status } = await fetch(`${url}/v1/runs/${runs[0]?.id}/input`, {
        method: 'POST',
        headers: bearer,
        body: JSON.stringify({ text: 'x'.repeat(1024) }),
      })
      statuses.push(status)
    }
    expect(statuses).to.deep.equal([...Array<number>(64).fill(202), 413])
    launched.signal('SIGINT')
    expect(await launched.end()).to.equal(130)
  })

  it('waits ten seconds for a body, and starts nothing without', async () => {
    await start()
    const socket = connect(port, '127.0.0.1')
    const head = `POST /v1/commands/snapshot HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 99\r\n\r\n`
    socket.write(`${head}{"options"`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).to.match(
      /^HTTP\/1\.1 408 .*{"error":"the body did not come in time"}$/s,
    )
    socket.destroy()
    expect(store.snapshotNames()).to.deep.equal([])
  })

  it('describes its calls, one for each command that a client may run, as it answers them', async () => {
    await start()
    await store.snapshot()
    const answer = await fetch(`${url}/v1/openapi.json`, { headers: bearer })
    const description = (await answer.json()) as Description
    const { openapi, paths } = description
    expect(openapi).to.equal('3.1.0')
    expect(paths).to.include.keys('/v1/commands/show', '/v1/commands/restore', '/v1/runs/{id}')
    expect(paths).not.to.have.property('/v1/commands/start')
    for (const name of ['show', 'status']) {
      const response = await fetch(`${url}/v1/commands/${name}`, {
        method: 'POST',
        headers: bearer,
        body: '{}',
      })
      const { content } = paths[`/v1/commands/${name}`]?.post.responses[200] ?? { content: {} }
      const { schema = {} } = content[response.headers.get('content-type') ?? ''] ?? {}
      expect(schema, name).to.have.property('anyOf')
      const lines = (await response.text()).trim().split('\n')
      expect(lines.length, name).to.be.greaterThan(2)
      for (const line of lines) {
        expect(misfitsOf(JSON.parse(line), schema, description), line).to.deep.equal([])
      }
    }
  })

  it('serves a hundred clients at once', async () => {
    await start()
    await store.snapshot()
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await fetch(`${url}/v1/commands/show`, {
          method: 'POST',
          headers: bearer,
          body: '{}',
        })
        return (await response.text()).split('\n').slice(1).join('\n')
      }),
    )
    expect(new Set(answers).size).to.equal(1)
    expect(answers[0]).to.contain('@GMT-')
  })

  it('lets a hundred clients take their turns to write, and the store is good afterwards', async () => {
    await start({ SNAP_LOCK_TIMEOUT: '0' })
    const codes = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await fetch(`${url}/v1/commands/snapshot`, {
          method: 'POST',
          headers: bearer,
          body: '{}',
        })
        const last = (await response.text()).trim().split('\n').at(-1) ?? ''
        return (JSON.parse(last) as { exitCode: number }).exitCode
      }),
    )
    expect(new Set(codes)).to.deep.equal(new Set([0, 75]))
    expect(store.snapshotNames()).to.have.length(codes.filter((code) => code === 0).length)
  })

  it('is not moved by a scan of junk', async () => {
    const { output } = await start()
    const sockets: Socket[] = []
    for (let count = 0; count < 400; count += 1) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      if (count % 4 === 0) socket.end(randomBytes(2000))
      else if (count % 4 === 1)
        socket.end(`GET /v1/runs HTTP/1.1\r\nHost: x\r\n${'x: y\r\n'.repeat(5000)}`)
      else if (count % 4 === 2)
        socket.end('POST /v1/commands/snapshot HTTP/1.1\r\nContent-Length: -1\r\n\r\n')
      else socket.write('GET /v1/')
      sockets.push(socket)
      if (count % 50 === 49) await sleep(20)
    }
    for (const socket of sockets) socket.destroy()
    const { exitCode } = await store.run(['show'], { env: client() })
    expect(exitCode).to.equal(0)
    expect(store.snapshotNames()).to.deep.equal([])
    expect(output().trim().split('\n').at(-1)).to.match(/ started: /)
  })

  it('interrupts a command when its client is, and nothing is published', async () => {
    await start({ SNAP_PRE_SNAPSHOT: 'sleep 30' })
    const launched = launchCli(['snapshot', '--json'], { env: client() })
    await launched.line(/"phase":"copy"/)
    launched.signal('SIGINT')
    expect(await launched.end()).to.equal(130)
    expect(store.snapshotNames()).to.deep.equal([])
  })

  it('interrupts a command also when its client is interrupted before it knows of it', async () => {
    await start({ SNAP_PRE_SNAPSHOT: 'sleep 3' })
    const relay = await startRelay(port, 1000)
    const launched = launchCli(['snapshot'], { env: client(relay.port) })
    await relay.connected
    launched.signal('SIGINT')
    expect(await launched.end()).to.equal(130)
    relay.close()
    expect(store.snapshotNames()).to.deep.equal([])
  })

  it('tells a client the end of a command that it interrupts to stop', async () => {
    const { signal } = await start({ SNAP_PRE_SNAPSHOT: 'sleep 30' })
    const launched = launchCli(['snapshot', '--json'], { env: client() })
    await launched.line(/"phase":"copy"/)
    signal('SIGTERM')
    expect(await launched.end()).to.equal(130)
  })

  it('goes on with a command whose client is killed', async () => {
    await start({ SNAP_PRE_SNAPSHOT: 'sleep 1' })
    const launched = launchCli(['snapshot'], { env: client() })
    await launched.line(/^snapshot of data/)
    launched.signal('SIGKILL')
    for (let wait = 0; wait < 100 && store.snapshotNames().length === 0; wait += 1) await sleep(100)
    expect(store.snapshotNames()).to.have.length(1)
  })

  for (const [how, reset] of [
    ['cut', false],
    ['reset', true],
  ] as const) {
    it(`shows the rest of a restore to a client whose connection was ${how}`, async () => {
      await start({ SNAP_POST_RESTORE: 'sleep 2' })
      const name = await store.snapshot()
      const relay = await startRelay(port)
      const launched = launchCli(['restore', 'latest', '--yes'], { env: client(relay.port) })
      await launched.line(/^restore of data/)
      relay.cut(reset)
      await launched.line(/^warning: the connection to \S+ is cut; "restore" goes on there/)
      await launched.line(new RegExp(`is as it was in ${name.replaceAll('.', '\\.')}`))
      expect(await launched.end()).to.equal(0)
      relay.close()
    })
  }

  it('asks a client that was cut off before the question, and came back', async () => {
    await start()
    await store.snapshot()
    await writeFile(join(store.data, 'later'), '')
    const gone = new AbortController()
    const begun = await fetch(`${url}/v1/commands/restore`, {
      method: 'POST',
      headers: bearer,
      body: JSON.stringify({
        options: { snapshot: 'latest' },
        terminal: { canAnswer: true, stdout: { isTTY: true }, stderr: { isTTY: true } },
      }),
      signal: gone.signal,
    })
    const { value } = (await begun.body?.getReader().read()) ?? {}
    const { id } = JSON.parse(Buffer.from(value ?? []).toString()) as { id: string }
    gone.abort()
    await sleep(2000)
    const rest = await fetch(`${url}/v1/runs/${id}`, { headers: bearer })
    const input = await fetch(`${url}/v1/runs/${id}/input`, {
      method: 'POST',
      headers: bearer,
      body: JSON.stringify({ text: 'y\n' }),
    })
    expect(input.status).to.equal(202)
    expect(await rest.text()).to.match(/begins in 10 s.*"exitCode":0}\n$/s)
    expect(readdirSync(store.data)).not.to.include('later')
  })

  it('says the same whatever a comment holds', async () => {
    await start()
    await store.snapshot('-m', 'one\u2028two\u2029three')
    const here = await store.run(['show', '--json'])
    const there = await store.run(['show', '--json'], { env: client() })
    expect(there).to.deep.equal(here)
  })

  it('does nothing over the socket for those who have the store read-only', async () => {
    await start()
    const readOnly = await mkdtemp(join(tmpdir(), 'read-only-'))
    await execa('mount', ['--bind', '-o', 'ro', store.directory, readOnly])
    try {
      const socket = `unix://${readOnly}/.snap-volume/control.sock`
      const finished = await store.run(['snapshot'], { env: { SNAP_HOST: socket } })
      expectRefusal(finished, 1, /does nothing for those who have its store read-only/)
      const request = httpRequest({
        socketPath: `${readOnly}/.snap-volume/control.sock`,
        method: 'POST',
        path: '/v1/commands/snapshot',
      }).end('{}')
      const [{ statusCode }] = (await once(request, 'response')) as [IncomingMessage]
      expect(statusCode).to.equal(401)
      expect(store.snapshotNames()).to.deep.equal([])
    } finally {
      await execa('umount', [readOnly])
      await rmdir(readOnly)
    }
  })

  it('runs commands over the socket for those who may write the store', async () => {
    await start()
    const socket = `unix://${store.directory}/.snap-volume/control.sock`
    const { exitCode } = await store.run(['snapshot'], { env: { SNAP_HOST: socket } })
    expect(exitCode).to.equal(0)
    expect(readdirSync(join(store.directory, '.snap-volume')).join(' ')).not.to.contain('client.')
  })

  for (const [how, name] of [
    ['was stopped', 'SIGTERM'],
    ['was killed', 'SIGKILL'],
  ] as const) {
    it(`leaves nothing of calls to a daemon that ${how}`, async () => {
      const { signal, end } = await start()
      signal(name)
      await end()
      daemon = undefined
      const socket = `unix://${store.directory}/.snap-volume/control.sock`
      for (let count = 0; count < 3; count += 1) {
        const finished = await store.run(['show'], { env: { SNAP_HOST: socket } })
        expectRefusal(finished, 1, /nobody listens|no socket/)
      }
      expect(readdirSync(join(store.directory, '.snap-volume')).join(' ')).not.to.contain('client.')
    })
  }

  it('removes at its start what killed clients left beside the socket, and nothing else', async () => {
    await (await start()).stop()
    const directory = join(store.directory, '.snap-volume')
    const leftovers = [randomUUID(), randomUUID()].map((proof) => `client.${proof}`)
    const others = ['client.conf', `client.${randomUUID()}.old`, `client.${'0-'.repeat(18)}`]
    for (const name of [...leftovers, ...others]) writeFileSync(join(directory, name), '')
    const folder = `client.${randomUUID()}`
    mkdirSync(join(directory, folder))
    await start()
    const left = readdirSync(directory).filter((name) => name.startsWith('client.'))
    expect(left).to.have.members([...others, folder])
  })

  it('is critical for status --check where it cannot be asked', async () => {
    port = await freePort()
    const { exitCode, stdout } = await store.run(['status', '--check'], { env: client() })
    expect([exitCode, stdout]).to.satisfy(
      ([code, text]: [number, string]) => code === 2 && text.startsWith('critical: nobody listens'),
    )
  })

  it('answers no HEAD of a run, which nobody would read', async () => {
    await start()
    const response = await fetch(`${url}/v1/commands/show`, {
      method: 'POST',
      headers: bearer,
      body: '{}',
    })
    const { id } = JSON.parse((await response.text()).split('\n')[0] ?? '') as { id: string }
    const head = await fetch(`${url}/v1/runs/${id}`, { method: 'HEAD', headers: bearer })
    expect(head.status).to.equal(405)
  })

  it('tells status of the command that runs', async () => {
    await start({ SNAP_PRE_RESTORE: 'sleep 2' })
    await store.snapshot()
    const launched = launchCli(['restore', 'latest', '--yes', '--json'], { env: client() })
    await launched.line(/"phase":"lock"/)
    for (let wait = 0; wait < 50; wait += 1) {
      const { stdout } = await store.run(['status'], { env: client() })
      if (/writing +"restore" runs since/.test(stdout)) break
      expect(wait, stdout).to.be.lessThan(49)
    }
    expect(await launched.line(/"type":"result"/)).to.contain('safety')
    await launched.stop()
  })
})

/** Of the description in OpenAPI, what is looked at here. */
interface Description {
  openapi: string
  paths: Record<
    string,
    { post: { responses: Record<number, { content: Record<string, { schema: object }> }> } }
  >
}

interface Relay {
  port: number
  /** Resolves when a client has connected. */
  connected: Promise<unknown>
  /** Ends the connections there are, or resets them. */
  cut(reset: boolean): void
  close(): void
}

/** Hands on all bytes to a port; what comes back only after some time. */
async function startRelay(port: number, delayMs = 0): Promise<Relay> {
  const open = new Set<Socket>()
  const server = createServer((from) => {
    const to = connect(port, '127.0.0.1')
    for (const socket of [from, to]) {
      open.add(socket)
      socket.on('error', () => undefined)
    }
    from.pipe(to)
    setTimeout(() => to.pipe(from), delayMs)
  }).listen(0, '127.0.0.1')
  const connected = once(server, 'connection')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connected,
    cut(reset) {
      for (const socket of open) {
        if (reset) socket.resetAndDestroy()
        else socket.destroy()
      }
      open.clear()
    },
    close: () => server.close(),
  }
}
