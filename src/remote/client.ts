import type { IncomingMessage } from 'node:http'
import { formatAddress } from '../config/address.ts'
import { OperationError, UsageError, errorCode, hangUp, throwIfInterrupted } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import { counted } from '../system/counted.ts'
import { isMereConsent, untilHeldIsRead } from '../system/keys.ts'
import type { Terminal } from '../system/terminal.ts'
import {
  type CommandRequest,
  type RunLine,
  type TerminalShape,
  aliveMs,
  paths,
  reconnectForMs,
} from './protocol.ts'
import { type Target, send } from './request.ts'

export interface RemoteCall {
  command: string
  options: Readonly<Record<string, unknown>>
  terminal: Terminal
  clock: Clock
  /** As Ctrl-C: the command there is interrupted, unless whoever watched is gone. */
  signal: AbortSignal
}

const betweenAttemptsMs = 1000

/**
 * Has the daemon run a command, and shows what it prints as if it ran here. Returns its exit code.
 * Throws OperationError when the daemon cannot be reached, or refuses.
 */
export async function runRemotely(target: Target, call: RemoteCall): Promise<number> {
  const { command, options, terminal, signal } = call
  throwIfInterrupted(signal)

  const body: CommandRequest = { options: { ...options }, terminal: shapeOf(terminal) }
  const follower = createFollower(terminal)
  const response = await send(target, 'POST', paths.command(command), body, signal)
  const stopAnswering = answer(target, follower, call)
  const interrupt = (): void => {
    if (signal.reason === hangUp) {
      response.destroy()
      return
    }
    void follower.known.then(async (run) => tell(target, call, follower, 'DELETE', paths.run(run)))
  }

  if (signal.aborted) interrupt()
  else signal.addEventListener('abort', interrupt, { once: true })

  try {
    const exitCode = await follower.follow(response)
    return exitCode ?? (await reconnect(target, follower, call))
  } finally {
    follower.isOver = true
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
  /** Resolves with the id of the run when it has begun. */
  known: Promise<string>
  run: string | undefined
  /** How many lines have been shown. */
  seen: number
  isOver: boolean
  /** Whether the command reads each key. */
  readsKeys: boolean
  /** Whether what comes was typed before the command asked. */
  isAhead: boolean
  begin(run: string): void
  /** Undefined when the connection ended before the command did. */
  follow(response: IncomingMessage): Promise<number | undefined>
}

function createFollower(terminal: Terminal): Follower {
  const { promise, resolve } = Promise.withResolvers<string>()
  const follower: Follower = {
    known: promise,
    run: undefined,
    seen: 0,
    isOver: false,
    readsKeys: false,
    isAhead: false,
    begin(run) {
      follower.run = run
      resolve(run)
    },
    async follow(response) {
      response.setTimeout(aliveMs * 3, () => response.destroy(new SilenceError()))
      setMode(terminal, follower.readsKeys)

      try {
        for await (const text of readLines(response)) {
          const line = JSON.parse(text) as RunLine
          follower.seen += line.type === 'skipped' ? line.lines : 1
          if (line.type === 'exit') return line.exitCode
          await show(follower, terminal, line)
        }
      } catch (error) {
        // cut in the middle of a line, or before
        const isCut = error instanceof SilenceError || error instanceof SyntaxError
        if (!isCut && errorCode(error) === undefined) throw error
      } finally {
        // Ctrl-C is a key only for a command that can be told of it
        setMode(terminal, false)
        response.destroy()
      }

      return undefined
    },
  }
  return follower
}

/** Nothing came for so long that the connection must be gone. */
class SilenceError extends Error {}

/** Lines that are not empty; what JSON leaves as it is, such as U+2028, ends none. */
async function* readLines(response: IncomingMessage): AsyncGenerator<string, void> {
  response.setEncoding('utf8')
  let rest = ''
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield line
  }
  if (rest !== '') yield rest
}

async function show(follower: Follower, terminal: Terminal, line: RunLine): Promise<void> {
  if (line.type === 'run') follower.begin(line.id)
  else if (line.type === 'stdout' || line.type === 'stderr') terminal[line.type].write(line.text)
  else if (line.type === 'keys') await readKeys(follower, terminal, line.on)
  else if (line.type === 'skipped') {
    terminal.stderr.write(
      `warning: ${counted(line.lines, '{line was|lines were} lost on the way')}\n`,
    )
  }
}

async function readKeys(follower: Follower, terminal: Terminal, on: boolean): Promise<void> {
  follower.readsKeys = on
  follower.isAhead = on
  setMode(terminal, on)
  await untilHeldIsRead()
  follower.isAhead = false
}

function setMode(terminal: Terminal, readsKeys: boolean): void {
  const { stdin } = terminal
  if (canAnswer(terminal) && stdin.isRaw !== readsKeys) stdin.setRawMode(readsKeys)
}

function canAnswer({ stdin, stdout }: Terminal): boolean {
  return stdin.isTTY && stdout.isTTY
}

async function reconnect(
  target: Target,
  follower: Follower,
  { command, terminal, clock, signal }: RemoteCall,
): Promise<number> {
  const { run } = follower
  const where = formatAddress(target.address)
  let until = clock.now().getTime() + reconnectForMs
  if (run !== undefined) {
    terminal.stderr.write(
      `warning: the connection to ${where} is cut; "${command}" goes on there, trying again\n`,
    )
    while (clock.now().getTime() < until && !signal.aborted) {
      await clock.sleep(betweenAttemptsMs, signal).catch(() => undefined)
      try {
        const seen = follower.seen
        const path = `${paths.run(run)}?from=${seen}`
        const exitCode = await follower.follow(await send(target, 'GET', path))
        if (exitCode !== undefined) return exitCode
        // it was found again, and is cut again
        if (follower.seen > seen) until = clock.now().getTime() + reconnectForMs
      } catch (error) {
        if (!(error instanceof OperationError)) throw error
        if (error instanceof UsageError) break
      }
    }
  }

  throw new OperationError(
    `the connection to ${where} is cut, and whether "${command}" came to its end is not known`,
    { fix: 'see "snap-volume status", and "snap-volume show"' },
  )
}

/** What is typed goes to the command there. */
function answer(target: Target, follower: Follower, call: RemoteCall): () => void {
  const { stdin } = call.terminal
  if (!canAnswer(call.terminal)) return () => undefined

  const hand = (chunk: Buffer): void => {
    const text = chunk.toString()
    if (follower.isAhead && isMereConsent(text)) return
    void follower.known.then(async (run) =>
      tell(target, call, follower, 'POST', paths.input(run), { text }),
    )
  }

  stdin.on('data', hand)
  return () => {
    stdin.off('data', hand)
    stdin.pause()
    stdin.unref()
  }
}

/** Until it is told, or the command has ended. */
async function tell(
  target: Target,
  { clock, terminal }: RemoteCall,
  follower: Follower,
  method: string,
  path: string,
  body?: object,
): Promise<void> {
  let isFirst = true
  while (!follower.isOver) {
    try {
      const response = await send(target, method, path, body)
      response.resume()
      return
    } catch (error) {
      if (!(error instanceof OperationError)) throw error
      // it has ended meanwhile
      if (error instanceof UsageError) return
      if (isFirst) terminal.stderr.write(`warning: ${error.message}; trying again\n`)
      isFirst = false
    }
    await clock.sleep(betweenAttemptsMs)
  }
}
