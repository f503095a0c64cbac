import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { Hono } from 'hono'
import { type Listener, listenOnSocket } from '../../../src/remote/listen.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const timeouts = { headMs: 200, stuckMs: 400 }
const aliveMs = 50

interface Stream {
  app: Hono
  /** Whether it has been given up. */
  isCancelled: () => boolean
}

/**
 * Answers with as many of the chunks as are taken, and with a line that says nothing now and then.
 */
function streamOf(chunk: Uint8Array | undefined): Stream {
  let isCancelled = false
  let alive: NodeJS.Timeout | undefined
  const app = new Hono()
  app.get('/', () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        alive = setInterval(() => controller.enqueue(new TextEncoder().encode('\n')), aliveMs)
      },
      pull(controller) {
        if (chunk !== undefined) controller.enqueue(chunk)
      },
      cancel() {
        clearInterval(alive)
        isCancelled = true
      },
    })
    return new Response(body)
  })
  return { app, isCancelled: () => isCancelled }
}

describe('a connection to the daemon', () => {
  const directory = useTemporaryDirectory()
  let listener: Listener
  let client: Socket

  async function open({ app }: { app: Hono }, sent: string): Promise<void> {
    const path = join(directory.path, 'socket')
    listener = await listenOnSocket(app, path, timeouts)
    client = connect(path)
    await once(client, 'connect')
    client.write(sent)
  }

  afterEach(async () => {
    client.destroy()
    await listener.close()
  })

  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

  it('is ended when who asked takes nothing of what is written', async () => {
    const stream = streamOf(new Uint8Array(64 * 1024))
    await open(stream, request)
    client.pause()
    await sleep(timeouts.stuckMs * 2.5)
    expect(stream.isCancelled()).to.equal(true)
  })

  it('stays for who takes it with pauses', async () => {
    const stream = streamOf(new Uint8Array(64 * 1024))
    await open(stream, request)
    for (let turn = 0; turn < 8; turn += 1) {
      client.pause()
      await sleep(timeouts.stuckMs / 2)
      client.resume()
      await once(client, 'data')
      await sleep(10)
    }
    expect(stream.isCancelled()).to.equal(false)
  })

  it('stays where nothing is written for long but that it lives', async () => {
    const stream = streamOf(undefined)
    await open(stream, request)
    client.resume()
    await sleep(timeouts.stuckMs * 3)
    expect(stream.isCancelled()).to.equal(false)
  })

  for (const [what, sent] of [
    ['says nothing', ''],
    ['stops in the middle of a head', 'GET / HTTP/1.1\r\nHost:'],
  ] as const) {
    it(`is ended when who opened it ${what}`, async () => {
      await open({ app: new Hono() }, sent)
      client.resume()
      const isEnded = once(client, 'close').then(() => true)
      expect(await Promise.race([isEnded, sleep(timeouts.headMs * 3, false)])).to.equal(true)
    })
  }
})
