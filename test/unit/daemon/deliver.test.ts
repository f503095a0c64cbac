import { once } from 'node:events'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { type Delivery, deliver } from '../../../src/daemon/deliver.ts'
import { sendPush } from '../../../src/daemon/notify-channel.ts'

interface Asked {
  method: string
  url: string
  body: string
  authorization: string | undefined
}

/** A server that keeps what it is asked, and answers `/to/STATUS` with a redirect to `/there`. */
async function startServer(answer?: (url: string, response: ServerResponse) => void) {
  const asked: Asked[] = []
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = request
    asked.push({ method, url, body: await text(request), authorization: headers.authorization })
    const status = Number(/^\/to\/(\d+)/.exec(url)?.[1] ?? 204)
    if (answer === undefined) response.writeHead(status, { location: '/there' }).end()
    else answer(url, response)
  }
  const server = createServer((request, response) => void receive(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { server, asked, host: `127.0.0.1:${port}` }
}

const direct = (): undefined => undefined

const send = async (
  method: Delivery['method'],
  url: string,
  proxyFor: Parameters<typeof deliver>[1] = direct,
): Promise<void> =>
  deliver(
    { method, url: new URL(url), ...(method === 'POST' ? { body: 'a notice' } : {}) },
    proxyFor,
    new AbortController().signal,
  )

const refusalOf = async (sending: Promise<void>): Promise<string> =>
  sending.then(
    () => 'it was taken',
    (error: Error) => error.message,
  )

describe('deliver', () => {
  const servers: Server[] = []
  const start = async (...args: Parameters<typeof startServer>) => {
    const started = await startServer(...args)
    servers.push(started.server)
    return started
  }

  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  for (const status of [301, 302, 303]) {
    it(`does not take a POST for delivered that is answered ${status}`, async () => {
      const { asked, host } = await start()
      expect(await refusalOf(send('POST', `http://${host}/to/${status}`))).to.equal(
        `it answered ${status}, which redirects to http://${host} and delivers nothing there: name that address instead`,
      )
      expect(asked.map(({ url }) => url)).to.deep.equal([`/to/${status}`])
    })
  }

  for (const status of [307, 308]) {
    it(`sends a POST on that is answered ${status}, as it is`, async () => {
      const { asked, host } = await start()
      await send('POST', `http://me:pw@${host}/to/${status}`)
      const authorization = `Basic ${Buffer.from('me:pw').toString('base64')}`
      expect(asked.at(-1)).to.deep.equal({
        method: 'POST',
        url: '/there',
        body: 'a notice',
        authorization,
      })
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    it(`follows ${status} for a GET`, async () => {
      const { asked, host } = await start()
      await send('GET', `http://${host}/to/${status}`)
      expect(asked.at(-1)).to.include({ method: 'GET', url: '/there' })
    })
  }

  it('gives no other server the password of the first', async () => {
    const other = await start()
    const { host } = await start((_, response) => {
      response.writeHead(308, { location: `http://${other.host}/hook` }).end()
    })
    await send('POST', `http://me:pw@${host}/`)
    expect(other.asked).to.have.length(1)
    expect(other.asked[0]?.authorization).to.equal(undefined)
  })

  it('ends where redirects do not', async () => {
    const { host, asked } = await start((_, response) => {
      response.writeHead(307, { location: '/again' }).end()
    })
    expect(await refusalOf(send('POST', `http://${host}/`))).to.match(/redirects more than 5 times/)
    expect(asked).to.have.length(6)
  })

  for (const status of [400, 404, 500, 304]) {
    it(`does not take ${status} for delivered`, async () => {
      const { host } = await start()
      const refusal = await refusalOf(send('POST', `http://${host}/to/${status}`))
      expect(refusal).to.equal(`it answered ${status}`)
    })
  }

  it('sends it through the proxy that there is for it', async () => {
    const proxy = await start()
    await send('POST', 'http://hooks.example/hook', () => `http://me:pw@${proxy.host}`)
    expect(proxy.asked[0]).to.include({
      method: 'POST',
      url: 'http://hooks.example/hook',
      body: 'a notice',
    })
  })

  it('has the proxy connect to a server that is asked by TLS', async () => {
    const proxy = await start()
    const connected = once(proxy.server, 'connect')
    const sending = refusalOf(
      send('POST', 'https://hooks.example/hook', () => `http://${proxy.host}`),
    )
    const [request, socket] = (await connected) as [IncomingMessage, NodeJS.WritableStream]
    expect(request.url).to.equal('hooks.example:443')
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    expect(await sending).not.to.equal('it was taken')
  })

  it('has no secrets of the address in its message', async () => {
    const sending = send('POST', 'http://me:secret@127.0.0.1:1/secret')
    expect(await refusalOf(sending)).to.equal('ECONNREFUSED')
  })

  for (const [ping, status] of [
    ['success', 'up'],
    ['fail', 'down'],
  ] as const) {
    it(`tells a push monitor by a GET of a run that ended with ${ping}`, async () => {
      const { host, asked } = await start()
      const address = `http://${host}/api/push/id?status=up&msg=OK&ping=&more=1`
      const report = { message: 'what & why', ms: 1234 }
      await sendPush(address, ping, report, direct, new AbortController().signal)
      expect(asked).to.have.length(1)
      const { pathname, searchParams } = new URL(asked[0]?.url ?? '', `http://${host}`)
      expect(asked[0]?.method).to.equal('GET')
      expect(pathname).to.equal('/api/push/id')
      expect(Object.fromEntries(searchParams)).to.deep.equal({
        status,
        msg: 'what & why',
        ping: '1234',
        more: '1',
      })
    })
  }

  it('tells a push monitor nothing of a run that begins', async () => {
    const { host, asked } = await start()
    const report = { message: 'schedule', ms: 0 }
    await sendPush(`http://${host}/`, 'start', report, direct, new AbortController().signal)
    expect(asked).to.deep.equal([])
  })
})
