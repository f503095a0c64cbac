import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import { join } from 'node:path'
import { expect } from 'chai'
import { connectDocker } from '../../../src/docker/client.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const startedAt = '2026-11-30T12:01:30.28963221Z'
const before = { End: '2026-11-30T12:01:09.257298295Z', ExitCode: 0 }
const since = { End: '2026-11-30T12:01:32.485537514Z', ExitCode: 1 }
const check = { Test: ['CMD-SHELL', 'true'], Interval: 5_000_000_000, Timeout: 2_000_000_000 }

/**
 * As Docker and podman say it: podman has an empty Health where nothing is checked, and null for an
 * empty log.
 */
const cases: [what: string, health: object | undefined, check: object, withinMs?: number][] = [
  ['has its interval and its timeout', { Status: 'starting', Log: [] }, check, 7000],
  ['counts none from before the start', { Status: 'starting', Log: [before] }, check, 7000],
  ['is over when one has ended since', { Status: 'starting', Log: [before, since] }, check],
  ['has twice 30 s by default', { Status: 'starting', Log: null }, { Test: check.Test }, 60_000],
  ['is not there without a HEALTHCHECK', undefined, check],
  ['is not there in podman either', { Status: '', Log: null }, { Test: ['NONE'] }],
]

describe('The first health check of a container', () => {
  const directory = useTemporaryDirectory()
  let engine: Server
  let answer: object

  beforeEach(async () => {
    engine = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer))
    })
    engine.listen(join(directory.path, 'docker.sock'))
    await once(engine, 'listening')
  })

  afterEach(() => engine.close())

  for (const [what, health, healthcheck, withinMs] of cases) {
    it(what, async () => {
      answer = {
        State: { Running: true, StartedAt: startedAt, Health: health },
        Config: { Healthcheck: healthcheck },
        HostConfig: {},
      }
      const client = await connectDocker(`unix://${join(directory.path, 'docker.sock')}`)
      expect((await client.inspect('x'))?.firstCheckWithinMs).to.equal(withinMs)
    })
  }
})
