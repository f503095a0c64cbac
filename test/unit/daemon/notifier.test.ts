import { EventEmitter, once } from 'node:events'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import type { NotifyTarget } from '../../../src/config/notify-target.ts'
import { Notifier } from '../../../src/daemon/notifier.ts'
import { type ManualClock, manualClock } from '../support/manual-clock.ts'

const ignore = (): void => undefined

describe('A notifier whose target does not answer', () => {
  let server: Server
  let isDown: boolean
  /** The bodies of the calls, and of those the ones that were taken. */
  let calls: string[]
  let taken: string[]
  let time: ManualClock
  let warnings: EventEmitter
  let notifier: Notifier

  beforeEach(async () => {
    isDown = true
    calls = []
    taken = []
    server = createServer((request, response) => void receive(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    time = manualClock()
    warnings = new EventEmitter()
  })

  afterEach(() => server.close())

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    calls.push(body)
    if (!isDown) taken.push(body)
    response.writeHead(isDown ? 500 : 200).end()
  }

  function start(kind: 'ping' | 'post'): void {
    const { port } = server.address() as AddressInfo
    const target: NotifyTarget = { kind, url: `http://127.0.0.1:${port}/uuid` }
    notifier = new Notifier({
      targets: [target],
      template: '{"text": "{{message}}"}',
      proxyFor: () => undefined,
      host: 'host',
      store: '/opt/.snap',
      clock: time.clock,
      log: {
        error: ignore,
        info: ignore,
        debug: ignore,
        warn: (message) => void warnings.emit('warning', message),
      },
    })
  }

  /** What it says when an attempt has failed that `act` leads to. */
  async function failureAfter(act: () => Promise<void> | void): Promise<string> {
    const warning = once(warnings, 'warning')
    await act()
    const [message] = (await warning) as [string]
    return message
  }

  const tell = (): void => {
    notifier.tell({ event: 'failure', title: 'title', message: 'message', snapshot: null })
  }

  it('tries again after 1 s, 10 s and 60 s, and then gives up', async () => {
    start('post')
    expect(await failureAfter(tell)).to.match(/it answered 500; trying again in 1 s$/)
    for (const [waitMs, next] of [
      [1000, 'trying again in 10 s'],
      [10_000, 'trying again in 60 s'],
      [60_000, 'given up'],
    ] as const) {
      await time.pass(waitMs - 1)
      const tried = calls.length
      expect(await failureAfter(async () => time.pass(1))).to.include(next)
      expect(calls.length, `calls after ${waitMs} ms`).to.equal(tried + 1)
    }
    await notifier.idle()
    expect(calls).to.deep.equal(Array(4).fill('{"text": "message"}'))
  })

  it('pings of nothing that is long ago once it answers', async () => {
    start('ping')
    expect(await failureAfter(() => notifier.ping('success', 'first'))).to.include('again in 1 s')
    for (const message of ['second', 'third', 'newest']) notifier.ping('success', message)
    isDown = false
    await time.pass(1000)
    await notifier.stop()
    expect(taken).to.deep.equal(['newest'])
  })
})
