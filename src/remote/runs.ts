import { PassThrough } from 'node:stream'
import type { Clock } from '../system/clock.ts'
import { type ClientPresence, createClientPresence } from './client-presence.ts'
import { createEndedRuns } from './ended-runs.ts'
import type { CommandExecutor } from './executor.ts'
import type { CommandRequest } from './protocol.ts'
import { Run } from './run.ts'
import { createVirtualTerminal, noTerminal } from './virtual-terminal.ts'

/** A port scan must not start a thousand of them. */
const mostAtOnce = 128

/** Of what a command has been given to read, and has not read yet. */
const mostUnread = 64 * 1024

interface OpenRun {
  run: Run
  stdin: PassThrough
  interruption: AbortController
  clientPresence: ClientPresence
}

/** The commands that run for clients, and those that did lately. */
export class Runs {
  readonly #executor: CommandExecutor
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #open = new Map<string, OpenRun>()
  readonly #ended = createEndedRuns()
  readonly #working = new Set<Promise<void>>()

  constructor(executor: CommandExecutor, clock: Clock, signal: AbortSignal) {
    this.#executor = executor
    this.#clock = clock
    this.#signal = signal
  }

  /** Undefined when too many run. */
  start(command: string, request: CommandRequest): Run | undefined {
    if (this.#open.size >= mostAtOnce || this.#signal.aborted) return undefined
    const opened: OpenRun = {
      run: new Run(command, this.#clock.now(), request.terminal === undefined),
      stdin: new PassThrough(),
      interruption: new AbortController(),
      clientPresence: createClientPresence(this.#clock),
    }

    this.#open.set(opened.run.id, opened)
    const ending = this.#work(opened, request)
    this.#working.add(ending)
    void ending.finally(() => this.#working.delete(ending))
    return opened.run
  }

  find(id: string): Run | undefined {
    return this.#open.get(id)?.run ?? this.#ended.find(id)
  }

  list(): Run[] {
    return [...[...this.#open.values()].map(({ run }) => run), ...this.#ended.list()]
  }

  /** As Ctrl-C does; false when there is none that runs. */
  interrupt(id: string): boolean {
    const found = this.#open.get(id)
    found?.interruption.abort()
    return found !== undefined
  }

  /** Gives it a line to read, unless there is none that runs, or too much that it has not read. */
  input(id: string, text: string): 'given' | 'unknown' | 'full' {
    const found = this.#open.get(id)
    if (found === undefined) return 'unknown'

    const { stdin } = found
    const unread = stdin.writableLength + stdin.readableLength
    if (unread + Buffer.byteLength(text) > mostUnread) return 'full'

    stdin.write(text)
    return 'given'
  }

  /** Someone listens from now on; returns what to call when he does not any more. */
  listen(id: string): () => void {
    return this.#open.get(id)?.clientPresence.enter() ?? (() => undefined)
  }

  /** Interrupts all, and waits for them. */
  async stop(): Promise<void> {
    for (const { interruption } of this.#open.values()) interruption.abort()
    await Promise.all(this.#working)
  }

  async #work(
    { run, stdin, interruption, clientPresence }: OpenRun,
    { options, terminal }: CommandRequest,
  ): Promise<void> {
    const shown = createVirtualTerminal(
      terminal ?? noTerminal,
      run,
      stdin,
      clientPresence.timeToAnswer,
    )

    const ends = AbortSignal.any([this.#signal, interruption.signal])
    const wanted = terminal === undefined ? { ...options, json: true } : options
    const exitCode = await this.#executor.execute(run.command, wanted, shown, ends)
    run.finish(exitCode)
    this.#open.delete(run.id)
    this.#ended.add(run)
  }
}
