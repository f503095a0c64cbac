import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { formatAddress } from '../config/address.ts'
import { OperationError, UsageError, errorCode } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import type { Terminal } from '../system/terminal.ts'
import {
  type CommandRequest,
  type RunLine,
  type TerminalShape,
  aliveMs,
  paths,
} from './protocol.ts'
import { type Target, send } from './request.ts'

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
