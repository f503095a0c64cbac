import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import { join } from 'node:path'
import { expect } from 'chai'
import { DeniedError } from '../../../src/docker/call.ts'
import { connectDocker } from '../../../src/docker/client.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

interface Answer {
  status: number
  message?: string
}

const created: Answer = { status: 201 }
const refused = 'OCI runtime exec failed: exec failed: '

/** What Docker 26 with runc 1.1 answers, word for word; the last one is crun's. */
const cases: [what: string, create: Answer, start: Answer, isFrozen: boolean][] = [
  ['runs', created, { status: 200 }, false],
  [
    'is frozen',
    created,
    {
      status: 500,
      message: `${refused}cannot exec in a paused container (use --ignore-paused to override): unknown`,
    },
    true,
  ],
  [
    'is frozen but for a process that waits for the disk',
    created,
    {
      status: 500,
      message: `${refused}timeout of 10s reached waiting for the cgroup to freeze: unknown`,
    },
    true,
  ],
  [
    'has no such program',
    created,
    {
      status: 400,
      message: `${refused}unable to start container process: exec: "true": executable file not found in $PATH: unknown`,
    },
    false,
  ],
  [
    'is paused, and docker knows',
    { status: 409, message: 'Container x is paused, unpause the container before exec' },
    { status: 500 },
    false,
  ],
  ['does not run', { status: 409, message: 'container x is not running' }, { status: 500 }, false],
  ['is gone', { status: 404, message: 'No such container: x' }, { status: 500 }, false],
  [
    'is frozen, in the words of crun',
    created,
    { status: 500, message: `${refused}the container \`x\` is paused: unknown` },
    true,
  ],
]

describe('isFrozen', () => {
  const directory = useTemporaryDirectory()
  let socket: string
  let server: Server
  let answers: { create: Answer; start: Answer }

  beforeEach(async () => {
    socket = join(directory.path, 'docker.sock')
    server = createServer((incoming, outgoing) => {
      const isStart = incoming.url?.startsWith('/exec/') === true
      const { status, message } = isStart ? answers.start : answers.create
      outgoing.writeHead(status, { 'content-type': 'application/json' })
      outgoing.end(JSON.stringify(message === undefined ? { Id: 'e' } : { message }))
    }).listen(socket)
    await once(server, 'listening')
  })

  afterEach(() => {
    server.close()
    server.closeAllConnections()
  })

  const look = async (): Promise<boolean> => {
    const client = await connectDocker(`unix://${socket}`)
    return client.isFrozen('x')
  }

  for (const [what, create, start, isFrozen] of cases) {
    it(`is ${isFrozen} of a container that ${what}`, async () => {
      answers = { create, start }
      expect(await look()).to.equal(isFrozen)
    })
  }

  it('is not known where a proxy does not let it execute', async () => {
    answers = { create: { status: 403, message: 'Forbidden' }, start: created }
    expect(await look().catch((error: unknown) => error)).to.be.instanceOf(DeniedError)
    answers = { create: created, start: { status: 403, message: 'Forbidden' } }
    expect(await look().catch((error: unknown) => error)).to.be.instanceOf(DeniedError)
  })
})
