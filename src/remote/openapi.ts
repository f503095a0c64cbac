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
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'SNAP_TOKEN' } },
    },
    security: [{ token: [] }],
    paths: {
      ...Object.fromEntries(
        commands.map((command) => [
          `/v1/commands/${command.name}`,
          { post: describeCommand(command) },
        ]),
      ),
      '/v1/runs': {
        get: { summary: 'the commands that run, and that did lately', responses: ok('a list') },
      },
      '/v1/runs/{id}': {
        parameters: [idParameter],
        get: {
          summary: 'what a command has printed, from a line on, and prints until it ends',
          parameters: [{ name: 'from', in: 'query', schema: { type: 'integer', minimum: 0 } }],
          responses: { ...streamed, ...refused(404) },
        },
        delete: {
          summary: 'interrupt a command, as Ctrl-C does',
          responses: { 202: { description: 'it is told' }, ...refused(404) },
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
          responses: { 202: { description: 'it is handed on' }, ...refused(404, 413) },
        },
      },
      '/healthz': {
        get: {
          summary: 'whether snapshots are being taken; without a token on loopback',
          responses: { ...ok('they are'), 503: { description: 'they are overdue' } },
        },
      },
      '/metrics': {
        get: {
          summary: 'metrics for Prometheus; without a token on loopback',
          responses: { 200: { description: 'the text format of Prometheus' } },
        },
      },
    },
  }
}

const idParameter = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }

const streamed = {
  200: {
    description: 'events, the last one {"type":"exit","exitCode":N}',
    content: { [mediaType]: { schema: { type: 'object' } } },
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
    responses: { ...streamed, ...refused(400, 503) },
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

function ok(description: string): object {
  return { 200: { description, content: { 'application/json': { schema: { type: 'object' } } } } }
}

function refused(...codes: number[]): object {
  const error = { type: 'object', properties: { error: { type: 'string' } } }
  return Object.fromEntries(
    codes.map((code) => [
      code,
      { description: 'why not', content: { 'application/json': { schema: error } } },
    ]),
  )
}
