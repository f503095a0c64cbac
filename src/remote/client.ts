import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { createInterface } from 'node:readline'
import { type Address, formatAddress } from '../config/address.ts'
import { BusyError, OperationError, UsageError, errorCode, messageOf } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import type { Terminal } from '../system/terminal.ts'
import {
  type CommandRequest,
  type RunLine,
  type TerminalShape,
  aliveMs,
  paths,
} from './protocol.ts'

/** The daemon that a client talks to. */
export interface Target {
  address: Address
  token: string | undefined
}

export interface RemoteCall {
  command: string
  options: Readonly<Record<string, unknown>>
  terminal: Terminal
  clock: Clock
  /** As Ctrl-C: the command there is interrupted. */
  signal: AbortSignal
}

/** After a cut the command goes on; for so long it is looked for again. */
const reconnectForMs = 60_000
const betweenAttemptsMs = 1000

/**
 * Has the daemon run a command, and shows what it prints as if it ran here. Returns its exit code.
 * Throws OperationError when the daemon cannot be reached, or refuses.
 */
export async function runRemotely(target: Target, call: RemoteCall): Promise<number> {
  const { command, options, terminal, signal } = call
  const body: CommandRequest = { options: { ...options }, terminal: shapeOf(terminal) }
  const follower = createFollower(terminal)
  const response = await send(target, 'POST', paths.command(command), body)
  const stopAnswering = answer(target, follower, terminal)
  const interrupt = (): void => {
    if (follower.run !== undefined) void tell(target, 'DELETE', paths.run(follower.run))
  }
  signal.addEventListener('abort', interrupt, { once: true })
  try {
    const exitCode = await follower.follow(response)
    return exitCode ?? (await reconnect(target, follower, call))
  } finally {
    signal.removeEventListener('abort', interrupt)
    stopAnswering()
  }
}

function shapeOf({ stdin, stdout, stderr }: Terminal): TerminalShape {
  return {
    canAnswer: stdin.isTTY,
    stdout: outputShapeOf(stdout),
    stderr: outputShapeOf(stderr),
  }
}

function outputShapeOf({ isTTY, columns }: NodeJS.WriteStream): TerminalShape['stdout'] {
  return isTTY ? { isTTY, columns } : { isTTY: false }
}

interface Follower {
  run: string | undefined
  /** How many lines have been shown. */
  seen: number
  /** Undefined when the connection ended before the command did. */
  follow(response: IncomingMessage): Promise<number | undefined>
}

function createFollower(terminal: Terminal): Follower {
  const follower: Follower = {
    run: undefined,
    seen: 0,
    async follow(response) {
      response.setTimeout(aliveMs * 3, () => response.destroy())
      try {
        for await (const text of createInterface({ input: response, crlfDelay: Infinity })) {
          if (text === '') continue
          const line = JSON.parse(text) as RunLine
          follower.seen += line.type === 'skipped' ? line.lines : 1
          if (line.type === 'exit') return line.exitCode
          show(follower, terminal, line)
        }
      } catch (error) {
        // cut in the middle of a line, or before
        if (errorCode(error) === undefined && !(error instanceof SyntaxError)) throw error
      } finally {
        response.destroy()
      }
      return undefined
    },
  }
  return follower
}

function show(follower: Follower, terminal: Terminal, line: RunLine): void {
  if (line.type === 'run') follower.run = line.id
  else if (line.type === 'stdout' || line.type === 'stderr') terminal[line.type].write(line.text)
  else if (line.type === 'skipped') {
    terminal.stderr.write(`warning: ${line.lines} lines were lost on the way\n`)
  }
}

async function reconnect(
  target: Target,
  follower: Follower,
  { command, terminal, clock, signal }: RemoteCall,
): Promise<number> {
  const { run } = follower
  const where = formatAddress(target.address)
  const until = clock.now().getTime() + reconnectForMs
  if (run !== undefined) {
    terminal.stderr.write(
      `warning: the connection to ${where} is cut; "${command}" goes on there, trying again\n`,
    )
    while (clock.now().getTime() < until && !signal.aborted) {
      await clock.sleep(betweenAttemptsMs, signal).catch(() => undefined)
      try {
        const path = `${paths.run(run)}?from=${follower.seen}`
        const exitCode = await follower.follow(await send(target, 'GET', path))
        if (exitCode !== undefined) return exitCode
      } catch (error) {
        if (!(error instanceof OperationError)) throw error
        if (error instanceof UsageError) break
      }
    }
  }
  throw new OperationError(
    `the connection to ${where} is cut, and whether "${command}" came to its end is not known: see "snap-volume status", and "snap-volume show"`,
  )
}

/** What is typed goes to the command there. */
function answer(target: Target, follower: Follower, { stdin, stdout }: Terminal): () => void {
  if (!stdin.isTTY || !stdout.isTTY) return () => undefined
  const hand = (chunk: Buffer): void => {
    if (follower.run === undefined) return
    void tell(target, 'POST', paths.input(follower.run), { text: chunk.toString() })
  }
  stdin.on('data', hand)
  return () => {
    stdin.off('data', hand)
    stdin.pause()
    stdin.unref()
  }
}

/** What cannot be told is told by the stream: it ends, or goes on. */
async function tell(target: Target, method: string, path: string, body?: object): Promise<void> {
  try {
    const response = await send(target, method, path, body)
    response.resume()
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
  }
}

async function send(
  target: Target,
  method: string,
  path: string,
  body?: object,
): Promise<IncomingMessage> {
  const { address, token } = target
  const content = body === undefined ? undefined : JSON.stringify(body)
  const options = {
    method,
    path,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(content === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
    },
    agent: false as const,
  }
  const request =
    'socket' in address
      ? httpRequest({ ...options, socketPath: address.socket })
      : (address.protocol === 'https:' ? httpsRequest : httpRequest)({
          ...options,
          host: address.host,
          port: address.port,
        })
  request.setTimeout(aliveMs * 3, () => request.destroy(new Error('no answer')))
  request.end(content)
  let response: IncomingMessage
  try {
    ;[response] = (await once(request, 'response')) as [IncomingMessage]
  } catch (error) {
    throw new OperationError(explainUnreachable(address, error), { cause: error })
  }
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return response
  throw await explainRefusal(target, status, response)
}

function explainUnreachable(address: Address, error: unknown): string {
  const where = formatAddress(address)
  switch (errorCode(error)) {
    case 'ECONNREFUSED':
      return `nobody listens at ${where}: does the daemon run, and has it a SNAP_TOKEN? Without one it listens on no network`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `there is no host for ${where}: is the sidecar linked (--link mysql-vol:snap-volume) or on the same network, and SNAP_HOST right?`
    case 'ENOENT':
      return `there is no socket at ${where}: does the daemon run, and is its store mounted here?`
    default:
      return `${where} cannot be reached: ${messageOf(error)}`
  }
}

async function explainRefusal(
  { address, token }: Target,
  status: number,
  response: IncomingMessage,
): Promise<OperationError> {
  const where = formatAddress(address)
  const why = await readError(response)
  if (status === 401 || (status === 400 && token === undefined)) {
    return new OperationError(
      token === undefined
        ? `the daemon at ${where} wants a token: set SNAP_TOKEN, or SNAP_TOKEN_FILE, to its own`
        : `the daemon at ${where} has another token: set SNAP_TOKEN, or SNAP_TOKEN_FILE, to its own`,
    )
  }
  if (status === 503) return new BusyError(`the daemon at ${where} is busy: ${why}`)
  if (status === 400 || status === 404) {
    return new UsageError(
      `the daemon at ${where} does not know that (${why}): is it of the same version?`,
    )
  }
  return new OperationError(`the daemon at ${where} answered ${status}: ${why}`)
}

async function readError(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (text.length > 4096) break
  }
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return String(error)
  } catch {
    return response.statusMessage ?? 'no reason'
  }
}
