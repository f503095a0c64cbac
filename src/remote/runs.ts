import { PassThrough } from 'node:stream'
import type { Clock } from '../system/clock.ts'
import type { CommandExecutor } from './executor.ts'
import type { CommandRequest } from './protocol.ts'
import { type Run, createRun } from './run.ts'
import { createVirtualTerminal, noTerminal } from './virtual-terminal.ts'

/** A port scan must not start a thousand of them. */
const mostAtOnce = 128

/** So many that have ended can still be read, for so long: clients come back within a minute. */
const mostEnded = 32
const keptMs = 300_000

interface OpenRun {
  run: Run
  stdin: PassThrough
  interruption: AbortController
  gone: AbortController
  /** How many clients listen. */
  listeners: number
}

/** The commands that run for clients, and those that did lately. */
export interface Runs {
  /** Undefined when too many run. */
  start(command: string, request: CommandRequest): Run | undefined
  find(id: string): Run | undefined
  list(): Run[]
  /** As Ctrl-C does; false when there is none that runs. */
  interrupt(id: string): boolean
  /** Gives it a line to read; false when there is none that runs. */
  input(id: string, text: string): boolean
  /** Someone listens from now on; returns what to call when he does not any more. */
  listen(id: string): () => void
  /** Interrupts all, and waits for them. */
  stop(): Promise<void>
}

export function createRuns(executor: CommandExecutor, clock: Clock, signal: AbortSignal): Runs {
  const open = new Map<string, OpenRun>()
  const ended = new Map<string, Run>()
  const working = new Set<Promise<void>>()

  async function work(
    { run, stdin, interruption, gone }: OpenRun,
    { options, terminal }: CommandRequest,
  ): Promise<void> {
    const shown = createVirtualTerminal(terminal ?? noTerminal, run, stdin, gone.signal)
    const ends = AbortSignal.any([signal, interruption.signal])
    const wish = terminal === undefined ? { ...options, json: true } : options
    const exitCode = await executor.execute(run.command, wish, shown, ends)
    run.finish(exitCode)
    open.delete(run.id)
    ended.set(run.id, run)
    const [oldest] = ended.keys()
    if (ended.size > mostEnded && oldest !== undefined) ended.delete(oldest)
    setTimeout(() => ended.delete(run.id), keptMs).unref()
  }

  return {
    start(command, request) {
      if (open.size >= mostAtOnce || signal.aborted) return undefined
      const opened: OpenRun = {
        run: createRun(command, clock.now(), request.terminal === undefined),
        stdin: new PassThrough(),
        interruption: new AbortController(),
        gone: new AbortController(),
        listeners: 0,
      }
      open.set(opened.run.id, opened)
      const ending = work(opened, request)
      working.add(ending)
      void ending.finally(() => working.delete(ending))
      return opened.run
    },
    find: (id) => open.get(id)?.run ?? ended.get(id),
    list: () => [...[...open.values()].map(({ run }) => run), ...ended.values()],
    interrupt(id) {
      const found = open.get(id)
      found?.interruption.abort()
      return found !== undefined
    },
    input(id, text) {
      const found = open.get(id)
      found?.stdin.write(text)
      return found !== undefined
    },
    listen(id) {
      const found = open.get(id)
      if (found !== undefined) found.listeners += 1
      return () => {
        if (found === undefined) return
        found.listeners -= 1
        if (found.listeners === 0) found.gone.abort()
      }
    },
    async stop() {
      for (const { interruption } of open.values()) interruption.abort()
      await Promise.all(working)
    },
  }
}
