import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { OperationError } from '../errors.ts'
import type { HookRecord } from '../store/record.ts'
import type { DockerClient, RunningCommand } from './client.ts'
import type { Consumer } from './consumers.ts'
import type { ConsumerHook, HookPoint } from './labels.ts'

/** Of what a hook prints, so much of the end is kept. */
const keptOutput = 4096

/** A session says this on a line of its own when the data are held. */
const readyLine = 'ready'

const killGraceMs = 5000

/** A hook that stays open: what it holds is held until `end`. */
export interface HookSession {
  /** Ends its standard input and waits for it. */
  end(): Promise<HookRecord>
}

/**
 * Runs a hook in a consumer to its end; what went wrong is in what it returns. Throws
 * OperationError when the Docker API does not do its part.
 */
export async function runConsumerHook(
  client: DockerClient,
  consumer: Consumer,
  point: HookPoint,
  hook: ConsumerHook,
  environment: readonly string[],
  signal?: AbortSignal,
): Promise<HookRecord> {
  const running = await startHook(client, consumer, hook, environment)
  running.command.stream.end()
  return running.finish(point, hook.timeoutMs, signal)
}

/**
 * Starts a hook that stays open, and waits until it says that it is ready. Returns its record
 * instead where it ended, or said nothing in time.
 */
export async function openHookSession(
  client: DockerClient,
  consumer: Consumer,
  point: HookPoint,
  hook: ConsumerHook,
  environment: readonly string[],
  signal?: AbortSignal,
): Promise<HookSession | HookRecord> {
  const running = await startHook(client, consumer, hook, environment)
  const isReady = await Promise.race([
    running.sawReady.then(() => true),
    running.ended.then(() => false),
    sleepUntil(hook.timeoutMs, signal),
  ])
  if (!isReady) {
    running.command.stream.end()
    return { ...(await running.finish(point, killGraceMs)), ...notReady }
  }

  return {
    async end() {
      const wasOver = running.isOver
      running.command.stream.end()
      const record = await running.finish(point, hook.timeoutMs)
      return wasOver ? { ...record, outcome: 'failed' } : record
    },
  }
}

/** It ended, or took too long, before it held anything. */
const notReady = { outcome: 'failed' } as const

async function startHook(
  client: DockerClient,
  consumer: Consumer,
  hook: ConsumerHook,
  environment: readonly string[],
): Promise<RunningHook> {
  const beganMs = performance.now()
  // its process id comes first, so that it can be ended when it hangs
  const command = await client.execute(consumer.id, {
    command: ['sh', '-c', 'echo $$; exec sh -c "$1"', 'sh', hook.command],
    user: hook.user,
    environment,
  })
  return new RunningHook(client, consumer, hook, command, beganMs)
}

/** A hook that was started: what it says, and whether it still runs. */
class RunningHook {
  readonly command: RunningCommand
  readonly #client: DockerClient
  readonly #consumer: Consumer
  readonly #hook: ConsumerHook
  readonly #beganMs: number
  readonly #output = keepEnd(keptOutput)
  readonly #pid = Promise.withResolvers<string>()
  readonly #ready = Promise.withResolvers<void>()
  readonly #end = Promise.withResolvers<void>()
  #sawFirst = false
  #isOver = false

  constructor(
    client: DockerClient,
    consumer: Consumer,
    hook: ConsumerHook,
    command: RunningCommand,
    beganMs: number,
  ) {
    this.#client = client
    this.#consumer = consumer
    this.#hook = hook
    this.command = command
    this.#beganMs = beganMs

    const stdout = lineReader((line) => this.#read(line))
    const stderr = new Writable({
      write: (chunk: Buffer, _, done) => done(this.#output.add(chunk)),
    })
    command.demux(stdout, stderr)
    for (const event of ['end', 'close', 'error']) {
      command.stream.once(event, () => this.#noteEnd())
    }

    void this.ended.then(() => stdout.end())
  }

  get sawReady(): Promise<void> {
    return this.#ready.promise
  }

  get ended(): Promise<void> {
    return this.#end.promise
  }

  get isOver(): boolean {
    return this.#isOver
  }

  async finish(point: HookPoint, timeoutMs: number, signal?: AbortSignal): Promise<HookRecord> {
    const inTime = await Promise.race([this.ended.then(() => true), sleepUntil(timeoutMs, signal)])
    if (!inTime) await this.#endHanging()

    const exitCode = inTime ? await this.command.exitCode() : null
    return {
      point,
      container: this.#consumer.name,
      outcome: inTime ? (exitCode === 0 ? 'done' : 'failed') : 'timeout',
      exitCode,
      ms: Math.round(performance.now() - this.#beganMs),
      output: this.#output.text(),
    }
  }

  #read(line: string): void {
    const isPid = !this.#sawFirst && /^[0-9]+\n$/.test(line)
    this.#sawFirst = true
    if (isPid) this.#pid.resolve(line.trim())
    else this.#output.add(Buffer.from(line, 'latin1'))
    if (line.trim() === readyLine) this.#ready.resolve()
  }

  #noteEnd(): void {
    this.#isOver = true
    this.#end.resolve()
  }

  /**
   * The Engine cannot end what it has executed; the shell in the container is killed by its number
   * there.
   */
  async #endHanging(): Promise<void> {
    try {
      const number = await Promise.race([this.#pid.promise, sleep(killGraceMs, '', { ref: false })])
      if (/^[0-9]+$/.test(number)) await this.#kill(number)
    } catch (error) {
      // one that cannot be ended is left behind
      if (!(error instanceof OperationError)) throw error
    } finally {
      this.command.stream.destroy()
    }
  }

  async #kill(pid: string): Promise<void> {
    const killing = await this.#client.execute(this.#consumer.id, {
      // it leads a process group (runc makes it a session of its own), with all that it started
      command: ['sh', '-c', 'kill -s TERM -- "-$1"; sleep 1; kill -s KILL -- "-$1"', 'sh', pid],
      user: this.#hook.user,
      environment: [],
    })

    killing.stream.on('error', () => undefined)
    killing.stream.resume()
    killing.stream.end()
    await Promise.race([this.ended, sleep(killGraceMs, undefined, { ref: false })])
  }
}

/** Gives false when the time is over, or the signal aborts. */
async function sleepUntil(timeoutMs: number, signal: AbortSignal | undefined): Promise<false> {
  await sleep(timeoutMs, undefined, { ref: false, ...(signal && { signal }) }).catch(
    () => undefined,
  )
  return false
}

/**
 * A stream that calls `onLine` for each line, with its line feed, and for what is left at the end.
 */
function lineReader(onLine: (line: string) => void): Writable {
  let rest = ''
  return new Writable({
    write(chunk: Buffer, _, done) {
      const lines = (rest + chunk.toString('latin1')).split(/(?<=\n)/)
      rest = lines.at(-1)?.endsWith('\n') === false ? (lines.pop() ?? '') : ''
      for (const line of lines) onLine(line)

      // a line without an end is not kept as a whole
      if (rest.length > keptOutput) rest = rest.slice(-keptOutput)
      done()
    },
    final(done) {
      if (rest !== '') onLine(rest)
      done()
    },
  })
}

function keepEnd(limit: number): { add: (chunk: Buffer) => undefined; text: () => string } {
  let kept = Buffer.alloc(0)
  return {
    add(chunk) {
      kept = Buffer.concat([kept, chunk]).subarray(-limit)
      return undefined
    },
    text: () => kept.toString(),
  }
}
