import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { execa } from 'execa'
import { SMTPServer } from 'smtp-server'
import type { Daemon } from '../support/cli.ts'
import { bindMount, mountTmpfs } from '../support/mounts.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'
import { makeFifo } from '../unit/support/fifo.ts'
import { describeSample } from '../support/sample.ts'

interface Call {
  url: string
  body: string
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A web server that keeps what it is told, and answers with `status`. */
async function startReceiver(status: (call: number) => number = () => 200) {
  const calls: Call[] = []
  const server = createHttpServer((request, response) => {
    void readBody(request).then((body) => {
      calls.push({ url: request.url ?? '', body })
      return response.writeHead(status(calls.length)).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { calls, url: `http://127.0.0.1:${port}`, close: () => server.close() }
}

type Receiver = Awaited<ReturnType<typeof startReceiver>>

/** A mail server that keeps what it is sent. */
async function startMailServer() {
  const mails: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _, done) {
      let text = ''
      stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
      stream.on('end', () => {
        mails.push(text)
        done()
      })
    },
  })
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  return {
    mails,
    url: `smtp://127.0.0.1:${port}?from=snap@example.org&to=ops@example.org`,
    close: () => new Promise<void>((resolve) => server.close(resolve)),
  }
}

function eventsOf(calls: readonly Call[]): string[] {
  return calls.map(({ body }) => (JSON.parse(body) as { event: string }).event)
}

async function until(what: string, isSo: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`${timeoutMs} ms passed without ${what}`)
    await sleep(50)
  }
}

describeSample({ tests: 6 }, 'Notifications', () => {
  let store: TestStore
  let daemon: Daemon | undefined

  const file = (): string => join(store.data, 'hello.txt')

  /** A daemon that takes a snapshot each second. */
  async function start(targets: string, env: Record<string, string> = {}): Promise<Daemon> {
    daemon = await store.startDaemon({
      env: { SNAP_CRON: '* * * * * *', SNAP_MAX: '3', SNAP_NOTIFY_URL: targets, ...env },
    })
    await until('a snapshot', () => store.snapshotNames().length > 0)
    return daemon
  }

  beforeEach(async () => {
    store = await makeStore()
  })

  afterEach(async () => {
    await daemon?.stop()
    daemon = undefined
    await store.remove()
  })

  it('tell of a failure once, that snapshots are overdue once, and of the recovery once', async () => {
    const hook = await startReceiver()
    const pings = await startReceiver()
    const mail = await startMailServer()
    await start(`${hook.url}/hook ping+${pings.url}/uuid ${mail.url}`, { SNAP_STALE_AFTER: '2s' })
    await rm(file())
    await until('an overdue snapshot', () => eventsOf(hook.calls).includes('stale'))
    const fails = (): number => pings.calls.filter(({ url }) => url === '/uuid/fail').length
    await until('several failures', () => fails() > 3)
    await writeFile(file(), 'back\n')
    await until('the recovery', () => eventsOf(hook.calls).includes('recovery'))
    const last = pings.calls.length
    await until('more runs', () => pings.calls.length > last + 4)
    expect(eventsOf(hook.calls)).to.deep.equal(['failure', 'stale', 'recovery'])
    const [failure] = hook.calls.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    expect(failure).to.include({ title: 'no snapshot was taken', store: store.directory })
    expect(failure?.['message']).to.match(/empty|no files/)
    expect(pings.calls.map(({ url }) => url)).to.include.members([
      '/uuid/start',
      '/uuid',
      '/uuid/fail',
    ])
    await until('three mails', () => mail.mails.length === 3)
    expect(mail.mails[0]).to.match(/^Subject: snap-volume on .*: no snapshot was taken/m)
    expect(mail.mails[0]).to.match(/^To: ops@example\.org/m)
    for (const server of [hook, pings]) server.close()
    await mail.close()
  })

  it('tell of a daemon that is killed during each of its runs, until one succeeds', async function () {
    this.timeout(120_000)
    const hook = await startReceiver()
    const hang = join(store.directory, 'hang')
    const env = {
      SNAP_CRON: '0 0 29 2 *',
      SNAP_ON_START: 'true',
      SNAP_PRE_SNAPSHOT: `touch '${hang}.run'; while [ -e '${hang}' ]; do sleep 0.1; done`,
      SNAP_HOOK_TIMEOUT: '10m',
      SNAP_STALE_AFTER: '3s',
      SNAP_NOTIFY_URL: hook.url,
    }
    await writeFile(hang, '')
    for (let kill = 0; kill < 3; kill += 1) {
      daemon = await store.startDaemon({ env })
      await until('a run', () => existsSync(`${hang}.run`))
      await rm(`${hang}.run`)
      if (kill > 0) await until('what it is told at the start', () => hook.calls.length > 0)
      daemon.signal('SIGKILL')
      await daemon.end()
    }
    const { stdout } = await store.run(['status', '--check', '--json'], { env })
    expect(stdout).to.contain('the last 2 runs failed: the daemon was killed during the run of')
    expect(hook.calls[0]?.body).to.match(/"failure".*the daemon was killed during the run of/)
    await rm(hang)
    daemon = await store.startDaemon({ env })
    await until('the recovery', () => eventsOf(hook.calls).includes('recovery'), 60_000)
    hook.close()
    const events = eventsOf(hook.calls)
    // overdue it is only when a start is more than 3 s after the first one
    expect(events.filter((event) => event !== 'stale')).to.deep.equal(['failure', 'recovery'])
  })

  it('tell of a store that is full, whose daemon goes on', async function () {
    this.timeout(90_000)
    const hook = await startReceiver()
    const filesystem = await mountTmpfs('size=8m')
    const full = await makeStore({ on: filesystem.path, dataOn: tmpdir() })
    daemon = await full.startDaemon({
      env: { SNAP_CRON: '* * * * * *', SNAP_NOTIFY_URL: hook.url, SNAP_STALE_AFTER: '3s' },
    })
    await until('a snapshot', () => full.snapshotNames().length > 0)
    await writeFile(join(full.directory, 'too-much'), randomBytes(1024)).catch(() => undefined)
    await execa('sh', ['-c', 'cat /dev/zero > "$0"/too-much', full.directory], { reject: false })
    await writeFile(join(full.data, 'hello.txt'), randomBytes(2 * 1024 * 1024))
    await until('that it is overdue', () => eventsOf(hook.calls).includes('stale'), 60_000)
    await rm(join(full.directory, 'too-much'))
    await until('the recovery', () => eventsOf(hook.calls).includes('recovery'))
    expect(eventsOf(hook.calls)).to.deep.equal(['failure', 'stale', 'recovery'])
    expect(await daemon.stop()).to.equal(0)
    daemon = undefined
    hook.close()
    await full.remove()
    await filesystem.remove()
  })

  it('tell once that snapshots are flagged', async () => {
    const hook = await startReceiver()
    const pings = await startReceiver()
    await start(`${hook.url} ping+${pings.url}`, {
      SNAP_POST_SNAPSHOT: 'echo not quite >&2; exit 1',
    })
    await until('several of them', () => pings.calls.length > 6)
    for (const server of [hook, pings]) server.close()
    expect(eventsOf(hook.calls)).to.deep.equal(['suspicious'])
    expect(hook.calls[0]?.body).to.match(/is flagged.*the hook post-snapshot failed.*not quite/)
  })

  it('tell once that old snapshots cannot be removed', async () => {
    const hook = await startReceiver()
    const { output } = await start(hook.url)
    // the newest is linked from
    await until('a second one', () => store.snapshotNames().length > 1)
    const [oldest = ''] = store.snapshotNames()
    const path = join(store.directory, oldest)
    // what is a mount point cannot be moved away
    const mount = await bindMount(path, path)
    const failures = (): number => output().split('older ones could not be removed').length - 1
    try {
      await until('several runs that cannot remove it', () => failures() > 4)
      expect(store.snapshotNames(), 'the others are removed').to.have.length.below(6)
      expect(output(), 'which is told').to.match(/info +removed @GMT-/)
    } finally {
      await mount.remove()
    }
    await until('its end', () => !store.snapshotNames().includes(oldest))
    hook.close()
    expect(eventsOf(hook.calls)).to.deep.equal(['prune-frozen'])
    expect(hook.calls[0]?.body).to.match(/is published, and older ones could not be removed/)
  })

  it('are as the template says', async () => {
    const hook = await startReceiver()
    await start(hook.url, { SNAP_NOTIFY_TEMPLATE: '{"text": "{{title}} ({{event}})"}' })
    await rm(file())
    await until('a call', () => hook.calls.length > 0)
    hook.close()
    expect(hook.calls[0]?.body).to.equal('{"text": "no snapshot was taken (failure)"}')
  })

  it('are sent again when they were not taken', async () => {
    const hook = await startReceiver((call) => (call === 1 ? 500 : 200))
    const { line } = await start(hook.url)
    await rm(file())
    await line(/could not be told of failure: it answered 500; trying again in 1 s/)
    await until('a second call', () => hook.calls.length > 1)
    hook.close()
    expect(hook.calls[1]).to.deep.equal(hook.calls[0])
  })

  it('keep no snapshot waiting, whoever does not answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    await start(`ping+http://127.0.0.1:${port}/uuid`, { SNAP_MAX: '100' })
    await until('snapshots', () => store.snapshotNames().length > 3)
    expect(await daemon?.stop()).to.equal(0)
    silent.close()
  })

  for (const [when, greeting] of [
    ['says nothing', ''],
    ['greets and then says nothing', '220 silent ESMTP\r\n'],
  ] as const) {
    it(`keep a daemon that is to end for no more than five seconds where a mail server ${when}`, async () => {
      const silent = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => undefined).resume()
        socket.write(greeting)
      }).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      const { port } = silent.address() as AddressInfo
      await start(`smtp://127.0.0.1:${port}?from=snap@example.org&to=ops@example.org`)
      const connected = once(silent, 'connection')
      await rm(file())
      await connected
      const beganMs = performance.now()
      expect(await daemon?.stop()).to.equal(0)
      expect(performance.now() - beganMs).to.be.below(7000)
      silent.close()
    })
  }

  it('do not show secrets of the address in the log', async () => {
    const { line } = await start('http://me:secret@127.0.0.1:1/secret-path')
    await rm(file())
    expect(await line(/could not be told of failure/)).not.to.contain('secret')
  })

  it('tell a push monitor of each run, through the proxy of the environment', async () => {
    const proxy = await startReceiver()
    await start('push+http://kuma.example/api/push/id?status=up&msg=OK&ping=', {
      HTTP_PROXY: proxy.url,
      NO_PROXY: 'localhost,10.0.0.0/8',
    })
    await until('a run', () => proxy.calls.length > 0)
    await rm(file())
    const isDown = (): boolean => proxy.calls.some(({ url }) => url.includes('status=down&msg='))
    await until('a failure', isDown)
    proxy.close()
    expect(proxy.calls[0]?.url).to.match(
      /^http:\/\/kuma\.example\/api\/push\/id\?status=up&msg=%40GMT-[\d.-]+&ping=\d+$/,
    )
  })

  it('are not delivered by a server that redirects elsewhere, which is told', async () => {
    const hook = await startReceiver(() => 302)
    const { line } = await start(`${hook.url}/hook`)
    await rm(file())
    await line(/could not be told of failure: it answered 302/)
    hook.close()
  })

  it('are refused at the start where an address is none, without showing it', async () => {
    const finished = await store.run(['start', store.spec], {
      env: { SNAP_NOTIFY_URL: 'secret-without-a-scheme' },
    })
    expect(finished.exitCode).to.equal(2)
    expect(finished.stderr).to.match(/SNAP_NOTIFY_URL is not right: it must be one or several of/)
    expect(finished.stderr).not.to.contain('secret')
  })
})

describe('The start, where notices would reach nobody', () => {
  let store: TestStore

  before(async () => {
    store = await makeStore()
  })

  after(() => store.remove())

  const notRight: [what: string, env: Record<string, string>, variable: string][] = [
    ['a comma between addresses', { SNAP_NOTIFY_URL: 'https://a,https://b' }, 'SNAP_NOTIFY_URL'],
    ['a lone %', { SNAP_NOTIFY_URL: 'https://us%er:secret@hooks.example/' }, 'SNAP_NOTIFY_URL'],
    [
      'a mailbox without a server',
      { SNAP_NOTIFY_URL: 'smtp://mail.example/?from=a@b&to=a+b@' },
      'SNAP_NOTIFY_URL',
    ],
    [
      'a proxy that is none of HTTP',
      { SNAP_NOTIFY_URL: 'https://hooks.example/', HTTPS_PROXY: 'socks5://me:secret@proxy:1080' },
      'HTTPS_PROXY',
    ],
  ]
  for (const [what, env, variable] of notRight) {
    it(`names ${variable} for ${what}`, async () => {
      const { exitCode, stderr } = await store.run(['start', store.spec], { env })
      expect(exitCode).to.equal(2)
      expect(stderr).to.match(new RegExp(`^snap-volume: ${variable} is not right: it must be `))
      expect(stderr).not.to.contain('secret')
    })
  }
})

/**
 * A run that hangs is seen by the heartbeat, 30 s after the start: both daemons are waited for at
 * once.
 */
describe('Notifications of a run that does not get on', function () {
  this.timeout(120_000)

  const places: { store: TestStore; hook: Receiver; daemon: Daemon; goOn: string }[] = []
  const env = {
    SNAP_CRON: '0 0 29 2 *',
    SNAP_ON_START: 'true',
    SNAP_HOOK_TIMEOUT: '10m',
    SNAP_STALE_AFTER: '3s',
  }

  async function startHanging(): Promise<void> {
    const store = await makeStore()
    const hook = await startReceiver()
    const goOn = `${store.directory}.go-on`
    makeFifo(goOn)
    // opening a pipe uses no processor, which would be a sign of life
    const hang = { SNAP_PRE_SNAPSHOT: `read -r line < '${goOn}'`, SNAP_NOTIFY_URL: hook.url }
    const daemon = await store.startDaemon({ env: { ...env, ...hang } })
    places.push({ store, hook, daemon, goOn })
  }

  before(async () => {
    await Promise.all([startHanging(), startHanging()])
    for (const { hook } of places) {
      await until('that it is overdue', () => eventsOf(hook.calls).includes('stale'), 60_000)
    }
  })

  after(async () => {
    for (const { store, hook, daemon } of places) {
      await daemon.stop()
      await store.remove()
      hook.close()
    }
  })

  it('tell of it, and of its end', async () => {
    const [place] = places
    if (place === undefined) throw new Error('nothing was started')
    const { hook, goOn } = place
    expect(hook.calls[0]?.body).to.match(
      /"event":"stale".*overdue by \d+.*the run of \S+ does not get on/,
    )
    await writeFile(goOn, 'go on\n')
    await until('the end of the run', () => eventsOf(hook.calls).includes('recovery'))
    expect(eventsOf(hook.calls)).to.deep.equal(['stale', 'recovery'])
  })

  it('tell that snapshots are taken again where another daemon had told of it', async () => {
    const place = places[1]
    if (place === undefined) throw new Error('nothing was started')
    const { store, hook, daemon } = place
    await daemon.stop()
    place.daemon = await store.startDaemon({ env: { ...env, SNAP_NOTIFY_URL: hook.url } })
    await until('the recovery', () => hook.calls.length > 1)
    expect(eventsOf(hook.calls)).to.deep.equal(['stale', 'recovery'])
  })
})
