import type { CommandExecutor, Parameter, RemoteCommand } from './executor.ts'
import { mediaType } from './protocol.ts'

/** The description of the calls in OpenAPI 3.1, from the declarations of the commands. */
export function describeApi({ commands }: CommandExecutor, version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'snap-volume',
      version,
      description:
        'Every command of the command line. A command streams what happens, a line of JSON each, the last one with its exit code.',
    },
    components: {
      schemas: lineSchemas,
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'SNAP_TOKEN' } },
    },
    security: [{ token: [] }],
    paths: {
      ...commandPaths(commands),
      '/v1/openapi.json': {
        get: { summary: 'this description', responses: { ...ok('in JSON'), ...refused(401) } },
      },
      ...runPaths(),
      ...statePaths(),
    },
  }
}

function commandPaths(commands: readonly RemoteCommand[]): object {
  return Object.fromEntries(
    commands.map((command) => [`/v1/commands/${command.name}`, { post: describeCommand(command) }]),
  )
}

function runPaths(): object {
  return {
    '/v1/runs': {
      get: {
        summary: 'the commands that run, and that did lately',
        responses: { ...ok('a list', runsSchema), ...refused(401) },
      },
    },
    '/v1/runs/{id}': {
      parameters: [idParameter],
      get: {
        summary: 'what a command has printed, from a line on, and prints until it ends',
        parameters: [{ name: 'from', in: 'query', schema: { type: 'integer', minimum: 0 } }],
        responses: { ...streamed, ...refused(400, 401, 404) },
      },
      delete: {
        summary: 'interrupt a command, as Ctrl-C does',
        responses: { 202: { description: 'it is told' }, ...refused(401, 404) },
      },
    },
    '/v1/runs/{id}/input': {
      parameters: [idParameter],
      post: {
        summary: 'answer the question of a command',
        requestBody: body({
          type: 'object',
          required: ['text'],
          properties: { text: { type: 'string', maxLength: 1024 } },
        }),
        responses: {
          202: { description: 'it is handed on' },
          ...refused(400, 401, 404, 408, 413),
        },
      },
    },
  }
}

/** How it goes, for monitoring. */
function statePaths(): object {
  return {
    '/healthz': {
      get: {
        summary: 'whether snapshots are being taken; without a token on loopback',
        responses: { ...ok('they are'), ...withJson(503, 'they are overdue'), ...refused(401) },
      },
    },
    '/metrics': {
      get: {
        summary: 'metrics for Prometheus; without a token on loopback',
        responses: {
          200: { description: 'the text format of Prometheus', content: { 'text/plain': {} } },
          ...refused(401),
        },
      },
    },
  }
}

const idParameter = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }

const runProperties = {
  id: { type: 'string' },
  command: { type: 'string' },
  startedAt: { type: 'string', format: 'date-time' },
}

/** What the lines are that do not come from the command itself. */
const lineSchemas = {
  Begin: {
    type: 'object',
    description: 'the first line',
    required: ['type', 'id', 'command', 'startedAt'],
    properties: { type: { const: 'run' }, ...runProperties },
  },
  Skipped: {
    type: 'object',
    description: 'so many lines before are not kept any more',
    required: ['type', 'lines'],
    properties: { type: { const: 'skipped' }, lines: { type: 'integer' } },
  },
  End: {
    type: 'object',
    description: 'the last line',
    required: ['type', 'exitCode'],
    properties: { type: { const: 'exit' }, exitCode: { type: 'integer' } },
  },
}

const runsSchema = {
  type: 'object',
  required: ['runs'],
  properties: {
    runs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'command', 'startedAt', 'exitCode'],
        properties: {
          ...runProperties,
          exitCode: { type: ['integer', 'null'], description: 'null while it runs' },
        },
      },
    },
  },
}

const streamed = {
  200: {
    description: 'lines of JSON, the last one {"type":"exit","exitCode":N}; empty ones say nothing',
    content: {
      [mediaType]: {
        schema: {
          description: 'each line',
          anyOf: [
            ...Object.keys(lineSchemas).map((name) => ({ $ref: `#/components/schemas/${name}` })),
            { type: 'object', description: 'what the command prints with --json' },
          ],
        },
      },
    },
  },
}

function describeCommand({ name, summary, parameters }: RemoteCommand): object {
  const required = parameters.filter((parameter) => parameter.required)
  return {
    operationId: name,
    summary,
    requestBody: body({
      type: 'object',
      additionalProperties: false,
      properties: {
        options: {
          type: 'object',
          additionalProperties: false,
          properties: Object.fromEntries(
            parameters.map((parameter) => [parameter.name, schemaOf(parameter)]),
          ),
          ...(required.length === 0
            ? {}
            : { required: required.map((parameter) => parameter.name) }),
        },
        terminal: {
          type: 'object',
          description: 'a terminal to print for; without one the command prints JSON',
        },
      },
    }),
    responses: { ...streamed, ...refused(400, 401, 408, 413, 503) },
  }
}

function schemaOf({ type, describe }: Parameter): object {
  return type === 'array'
    ? { type: 'array', items: { type: 'string' }, description: describe }
    : { type, description: describe }
}

function body(schema: object): object {
  return { content: { 'application/json': { schema } } }
}

function ok(description: string, schema: object = { type: 'object' }): object {
  return withJson(200, description, schema)
}

function withJson(
  code: number,
  description: string,
  schema: object = { type: 'object' },
): Record<string, object> {
  return { [code]: { description, content: { 'application/json': { schema } } } }
}

function refused(...codes: number[]): object {
  const schema = {
    type: 'object',
    required: ['error'],
    properties: { error: { type: 'string' } },
  }
  return Object.assign({}, ...codes.map((code) => withJson(code, 'why not', schema))) as object
}
