import { once } from 'node:events'
import { type Server, createServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import Docker from 'dockerode'
import { call } from '../../../src/docker/call.ts'
import { BusyError } from '../../../src/errors.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

/** What an Engine may send before it is gone. */
const beginnings = {
  'the length that it promised': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[',
  'the last chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n',
  'anything at all': '',
}

describe('A call of the Docker API', () => {
  const directory = useTemporaryDirectory()
  let server: Server

  afterEach(() => server.close())

  for (const [what, beginning] of Object.entries(beginnings)) {
    it(`ends when its time is over, although the answer was cut off before ${what}`, async () => {
      const socketPath = join(directory.path, 'docker.sock')
      server = createServer((socket) => {
        socket.once('data', () => {
          if (beginning === '') return
          socket.write(beginning)
          setTimeout(() => socket.destroy(), 50)
        })
      }).listen(socketPath)
      await once(server, 'listening')
      const docker = new Docker({ socketPath })
      const began = performance.now()
      let thrown: unknown
      await call(
        'unix://x',
        'GET /containers/json',
        [],
        (abortSignal) => docker.listContainers({ abortSignal }),
        300,
      ).catch((error: unknown) => (thrown = error))
      expect(thrown).to.be.instanceOf(BusyError)
      expect(performance.now() - began).to.be.within(250, 5000)
    })
  }
})
