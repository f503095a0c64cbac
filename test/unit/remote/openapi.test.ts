import { expect } from 'chai'
import { createExecutor } from '../../../src/cli/command-executor.ts'
import { commands } from '../../../src/cli/commands/index.ts'
import { createApp } from '../../../src/remote/app.ts'
import { Runs } from '../../../src/remote/runs.ts'
import { systemClock } from '../../../src/system/clock.ts'
import { misfitsOf } from '../support/json-schema.ts'

const token = 'a-token-of-these-tests'
const headers = { authorization: `Bearer ${token}` }

const executor = createExecutor(commands, {}, systemClock, {})
const offered = commands.filter(({ isLocal }) => isLocal !== true)

interface Operation {
  requestBody?: { content: { 'application/json': { schema: ObjectSchema } } }
  responses: Record<string, { content?: Record<string, { schema: object }> }>
}
interface ObjectSchema {
  properties: Record<string, ObjectSchema & { type: string; items?: { type: string } }>
  required?: string[]
}
interface Description {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

const app = createApp({
  executor,
  runs: new Runs(
    {
      ...executor,
      execute: async (_command, _options, { stdout }) => {
        stdout.write('{"snapshots": []}\n')
        return 0
      },
    },
    systemClock,
    new AbortController().signal,
  ),
  access: { token },
  metricsPublic: true,
  health: async () => ({ isHealthy: true, document: { level: 'good' } }),
  metrics: async () => ({ contentType: 'text/plain', text: '' }),
  version: '1.2.3',
})

async function call(method: string, path: string, body?: object): Promise<Response> {
  return app.request(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

/** The type of an option in the description, and of its items. */
const typeOf = (type: string): unknown[] =>
  type === 'array' ? [type, 'string'] : [type, undefined]

describe('the description of the calls', () => {
  let description: Description

  before(async () => {
    description = (await (await call('GET', '/v1/openapi.json')).json()) as Description
  })

  /** What an answer has that is not described, or has not that is; nothing where it fits. */
  async function check(method: string, path: string, described: string, body?: object) {
    const answer = await call(method, path, body)
    const { responses } = description.paths[described]?.[method.toLowerCase()] ?? {}
    const content = responses?.[String(answer.status)]?.content ?? {}
    const [mediaType = ''] = answer.headers.get('content-type')?.split(';') ?? []
    const schema = content[mediaType]?.schema
    expect(schema, `${answer.status} ${mediaType} of ${method} ${path}`).to.be.an('object')
    const text = (await answer.text()).trim()
    const lines = mediaType.endsWith('ndjson') ? text.split('\n') : [text]
    const documents = lines.map((line) => JSON.parse(line) as unknown)
    for (const document of documents) {
      expect(misfitsOf(document, schema ?? {}, description), text).to.deep.equal([])
    }
    return documents
  }

  it('has every route that there is, and no others', () => {
    const routes = app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
      .flatMap((route) =>
        route.includes('{name}')
          ? offered.map(({ name }) => route.replace('{name}', name))
          : [route],
      )
    const described = Object.entries(description.paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((key) => key !== 'parameters')
        .map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described).to.have.members(routes)
  })

  for (const { name, positionals, options } of offered) {
    it(`has every option of ${name}, of its type, and no others`, () => {
      const { schema } = description.paths[`/v1/commands/${name}`]?.['post']?.requestBody?.content[
        'application/json'
      ] ?? { schema: undefined }
      const described = schema?.properties['options']
      const types = Object.entries(described?.properties ?? {}).map(([key, { type, items }]) => [
        key,
        type,
        items?.type,
      ])
      expect(types).to.have.deep.members([
        ...positionals.map((each) => [each.name, ...typeOf(each.many ? 'array' : 'string')]),
        ...Object.entries(options).map(([key, { type }]) => [key, ...typeOf(type)]),
        ['json', 'boolean', undefined],
      ])
      expect(described?.required ?? []).to.have.members(
        positionals.filter(({ required }) => required).map((each) => each.name),
      )
    })
  }

  it('fits what a command answers, and what is told of it', async () => {
    const lines = await check('POST', '/v1/commands/show', '/v1/commands/show', { options: {} })
    const { Begin = {}, End = {} } = description.components.schemas
    expect(lines).to.have.length(3)
    expect(misfitsOf(lines[0], Begin, description)).to.deep.equal([])
    expect(misfitsOf(lines[2], End, description)).to.deep.equal([])
    const { id } = lines[0] as { id: string }
    expect(await check('GET', `/v1/runs/${id}?from=1`, '/v1/runs/{id}')).to.have.length(2)
    await check('GET', '/v1/runs', '/v1/runs')
  })

  it('fits what is answered to calls that are wrong', async () => {
    await check('POST', '/v1/commands/show', '/v1/commands/show', { options: { x: 1 } })
    await check('GET', '/v1/runs/x', '/v1/runs/{id}')
    await check('DELETE', '/v1/runs/x', '/v1/runs/{id}')
    await check('POST', '/v1/runs/x/input', '/v1/runs/{id}/input', { text: 'y' })
    await check('POST', '/v1/runs/x/input', '/v1/runs/{id}/input', { text: 1 })
    const text = 'y'.repeat(100_000)
    await check('POST', '/v1/runs/x/input', '/v1/runs/{id}/input', { text })
    await check('POST', '/v1/commands/show', '/v1/commands/show', { text })
  })

  it('says of every call that it wants the token', async () => {
    for (const [path, operations] of Object.entries(description.paths)) {
      for (const [method, { responses }] of Object.entries(operations)) {
        if (!path.startsWith('/v1/') || method === 'parameters') continue
        const { status } = await app.request(path, { method: method.toUpperCase() })
        expect(status, path).to.equal(401)
        expect(responses, path).to.have.property('401')
      }
    }
  })

  it('fits what health and metrics answer', async () => {
    await check('GET', '/healthz', '/healthz')
    expect(description.paths['/metrics']?.['get']?.responses).to.have.property('200')
  })
})
