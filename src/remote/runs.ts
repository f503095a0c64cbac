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
export interface Runs {
  /** Undefined when too many run. */
  start(command: string, request: CommandRequest): Run | undefined
  find(id: string): Run | undefined
  list(): Run[]
  /** As Ctrl-C does; false when there is none that runs. */
  interrupt(id: string): boolean
  /** Gives it a line to read, unless there is none that runs, or too much that it has not read. */
  input(id: string, text: string): 'given' | 'unknown' | 'full'
  /** Someone listens from now on; returns what to call when he does not any more. */
  listen(id: string): () => void
  /** Interrupts all, and waits for them. */
  stop(): Promise<void>
}

export function createRuns(executor: CommandExecutor, clock: Clock, signal: AbortSignal): Runs {
  const open = new Map<string, OpenRun>()
  const ended = createEndedRuns()
  const working = new Set<Promise<void>>()

  async function work(
    { run, stdin, interruption, clientPresence }: OpenRun,
    { options, terminal }: CommandRequest,
  ): Promise<void> {
    const shown = createVirtualTerminal(
      terminal ?? noTerminal,
      run,
      stdin,
      clientPresence.timeToAnswer,
    )

    const ends = AbortSignal.any([signal, interruption.signal])
    const wanted = terminal === undefined ? { ...options, json: true } : options
    const exitCode = await executor.execute(run.command, wanted, shown, ends)
    run.finish(exitCode)
    open.delete(run.id)
    ended.add(run)
  }

  return {
    start(command, request) {
      if (open.size >= mostAtOnce || signal.aborted) return undefined
      const opened: OpenRun = {
        run: new Run(command, clock.now(), request.terminal === undefined),
        stdin: new PassThrough(),
        interruption: new AbortController(),
        clientPresence: createClientPresence(clock),
      }

      open.set(opened.run.id, opened)
      const ending = work(opened, request)
      working.add(ending)
      void ending.finally(() => working.delete(ending))
      return opened.run
    },
    find: (id) => open.get(id)?.run ?? ended.find(id),
    list: () => [...[...open.values()].map(({ run }) => run), ...ended.list()],
    interrupt(id) {
      const found = open.get(id)
      found?.interruption.abort()
      return found !== undefined
    },
    input(id, text) {
      const found = open.get(id)
      if (found === undefined) return 'unknown'

      const { stdin } = found
      const unread = stdin.writableLength + stdin.readableLength
      if (unread + Buffer.byteLength(text) > mostUnread) return 'full'

      stdin.write(text)
      return 'given'
    },
    listen: (id) => open.get(id)?.clientPresence.enter() ?? (() => undefined),
    async stop() {
      for (const { interruption } of open.values()) interruption.abort()
      await Promise.all(working)
    },
  }
}
