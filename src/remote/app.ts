import { createHash, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { getConnInfo } from '@hono/node-server/conninfo'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import * as v from 'valibot'
import { messageOf } from '../errors.ts'
import { nearestOf } from '../system/nearest.ts'
import { type CommandExecutor, findWrongOption } from './executor.ts'
import { describeApi } from './openapi.ts'
import { aliveMs, inputSchema, mediaType, requestSchema } from './protocol.ts'
import type { Run } from './run.ts'
import type { Runs } from './runs.ts'
import { proofHeader, takeProof } from './socket-proof.ts'

const largestBody = 64 * 1024
const bodyTimeoutMs = 10_000

export interface AppOptions {
  executor: CommandExecutor
  runs: Runs
  /**
   * What has to be shown for a call: the token, or over the socket that one may write the store.
   */
  access: { token: string } | { socket: string }
  /** Whether health and metrics are told to everyone, and not only to this machine. */
  metricsPublic: boolean
  health: () => Promise<{ isHealthy: boolean; document: object }>
  metrics: () => Promise<{ contentType: string; text: string }>
  version: string
}

/** The daemon's calls over HTTP; docs/remote.md tells them. */
export function createApp(options: AppOptions): Hono {
  const app = new Hono()
  guard(app, options)
  app.use(
    bodyLimit({
      maxSize: largestBody,
      onError: (context) => refuse(context, 413, `a body has at most ${largestBody} bytes`),
    }),
  )

  serveState(app, options)
  serveCommands(app, options)
  serveRuns(app, options)

  app.notFound((context) => refuse(context, 404, 'there is no such path'))
  app.onError((error, context) => {
    const status = error instanceof HTTPException ? error.status : 500
    return context.json({ error: messageOf(error) }, status)
  })
  return app
}

/** Refuses whoever may not call. */
function guard(app: Hono, { access, metricsPublic }: AppOptions): void {
  if ('socket' in access) {
    app.use('/v1/*', async (context, next) =>
      takeProof(access.socket, context.req.header(proofHeader))
        ? next()
        : refuse(context, 401, 'the store has to be writable for whoever asks'),
    )
    return
  }

  const withToken = requireToken(access.token)
  app.use('/v1/*', withToken)

  for (const path of ['/healthz', '/metrics']) {
    app.use(path, async (context, next) =>
      metricsPublic || isLocal(context) ? next() : withToken(context, next),
    )
  }
}

/** How it goes, for monitoring. */
function serveState(app: Hono, { health, metrics }: AppOptions): void {
  app.get('/healthz', async (context) => {
    const { isHealthy, document } = await health()
    return context.json(document, isHealthy ? 200 : 503)
  })
  app.get('/metrics', async (context) => {
    const { contentType, text } = await metrics()
    return context.body(text, 200, { 'content-type': contentType })
  })
}

/** What can be run, and a way to run it. */
function serveCommands(app: Hono, { executor, runs, version }: AppOptions): void {
  app.get('/v1/openapi.json', (context) => context.json(describeApi(executor, version)))

  app.post('/v1/commands/:name', async (context) => {
    const command = executor.commands.find(({ name }) => name === context.req.param('name'))
    if (command === undefined) return refuse(context, 404, describeUnknown(executor, context))
    const request = v.safeParse(requestSchema, await readJson(context))
    if (!request.success) return refuse(context, 400, describeIssue(request.issues[0]))

    const wrong = findWrongOption(command, request.output.options)
    if (wrong !== undefined) return refuse(context, 400, wrong)

    const run = runs.start(command.name, request.output)
    if (run === undefined) return refuse(context, 503, 'too many commands run: try again later')
    return stream(runs, run, 0)
  })
}

/** The commands that run, and those that did lately. */
function serveRuns(app: Hono, { runs }: AppOptions): void {
  app.get('/v1/runs', (context) =>
    context.json({
      runs: runs.list().map(({ id, command, startedAt, exitCode = null }) => {
        return { id, command, startedAt, exitCode }
      }),
    }),
  )

  app.get('/v1/runs/:id', (context) => {
    const run = runs.find(context.req.param('id'))
    if (run === undefined) return refuse(context, 404, 'there is no such run')
    // Hono has it answered as GET, and nobody would read what is streamed
    if (context.req.method === 'HEAD') return refuse(context, 405, 'ask for it by GET')

    const from = Number(context.req.query('from') ?? 0)
    if (!Number.isSafeInteger(from) || from < 0) {
      return refuse(context, 400, 'from must be a whole number')
    }

    return stream(runs, run, from)
  })

  app.delete('/v1/runs/:id', (context) =>
    runs.interrupt(context.req.param('id'))
      ? context.body(null, 202)
      : refuse(context, 404, 'there is no such run under way'),
  )

  app.post('/v1/runs/:id/input', async (context) => {
    const input = v.safeParse(inputSchema, await readJson(context))
    if (!input.success) return refuse(context, 400, describeIssue(input.issues[0]))

    switch (runs.input(context.req.param('id'), input.output.text)) {
      case 'given':
        return context.body(null, 202)
      case 'unknown':
        return refuse(context, 404, 'there is no such run under way')
      case 'full':
        return refuse(context, 413, 'it has not read what it was given before')
    }
  })
}

/** Whoever does not show it is told how to, whatever was shown instead (RFC 6750). */
function requireToken(token: string): MiddlewareHandler {
  return async (context, next) => {
    const given = /^Bearer +(.+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
    if (given !== undefined && isSame(given, token)) return next()
    context.header('www-authenticate', 'Bearer realm="snap-volume"')
    return refuse(context, 401, 'the token is missing or wrong')
  }
}

/** In constant time, whatever their lengths. */
function isSame(given: string, token: string): boolean {
  return timingSafeEqual(digest(given), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Over the loopback interface; what comes through a proxy there is the proxy's to guard. */
function isLocal(context: Context): boolean {
  const address = getConnInfo(context).remote.address ?? ''
  return address === '::1' || address.replace(/^::ffff:/, '').startsWith('127.')
}

async function readJson(context: Context): Promise<unknown> {
  const timeIsUp = AbortSignal.timeout(bodyTimeoutMs)
  const text = await Promise.race([context.req.text(), once(timeIsUp, 'abort')])
  if (typeof text !== 'string')
    throw new HTTPException(408, { message: 'the body did not come in time' })
  if (text.trim() === '') return {}

  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describeUnknown({ commands }: CommandExecutor, context: Context): string {
  const known = commands.map(({ name }) => name)
  const nearest = nearestOf(context.req.param('name') ?? '', known)
  return `there is no such command${nearest === undefined ? '' : `, did you mean ${nearest}?`}`
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  return `${v.getDotPath(issue) ?? 'the body'}: ${issue.message}`
}

function refuse(context: Context, status: 400 | 401 | 404 | 405 | 413 | 503, error: string) {
  return context.json({ error }, status)
}

/** What a command prints for no terminal are lines of JSON already. */
function stream(runs: Runs, run: Run, from: number): Response {
  const encoder = new TextEncoder()
  const lines = run.follow(from)
  const stopListening = runs.listen(run.id)

  let alive: NodeJS.Timeout | undefined
  const end = (): void => {
    clearInterval(alive)
    stopListening()
  }

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      alive = setInterval(() => controller.enqueue(encoder.encode('\n')), aliveMs)
      alive.unref()
    },
    async pull(controller) {
      const { value, done } = await lines.next()
      if (done === true) {
        end()
        controller.close()
        return
      }

      const isEvent = run.isForPrograms && value.type === 'stdout'
      controller.enqueue(encoder.encode(isEvent ? value.text : `${JSON.stringify(value)}\n`))
    },
    async cancel() {
      end()
      await lines.return()
    },
  })

  return new Response(body, { headers: { 'content-type': mediaType } })
}
