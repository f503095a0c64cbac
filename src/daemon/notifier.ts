import type { NotifyTarget } from '../config/notify-target.ts'
import type { ProxyFor } from '../config/proxies.ts'
import { messageOf } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { Notice } from './notice.ts'
import { type Ping, sendNotice, sendPing, sendPush } from './notify-channel.ts'

/** Before each further attempt. */
const retryAfterMs = [1000, 10_000, 60_000]

/** What nobody takes for so long is not worth more memory. */
const mostNoticesWaiting = 100

const stopAfterMs = 5000

export interface NotifierOptions {
  targets: readonly NotifyTarget[]
  template: string | undefined
  proxyFor: ProxyFor
  host: string
  store: string
  clock: Clock
  log: Log
}

/** Sends notices and pings beside the work: nothing waits for it, and it tries again. */
export interface Notifier {
  tell(notice: Notice): void
  /** `ms` is how long the run took. */
  ping(ping: Ping, message: string, ms?: number): void
  /** Gives what waits a moment more. */
  stop(): Promise<void>
  /** Resolves when all notices have been taken, or given up. */
  idle(): Promise<void>
}

interface Message {
  what: string
  send: (signal: AbortSignal) => Promise<void>
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { targets, template, proxyFor, host, store, clock, log } = options
  const stopping = new AbortController()
  const ending = new AbortController()
  const queues = targets.map((target) => ({ target, queue: createQueue(target) }))

  function createQueue(target: NotifyTarget) {
    const waiting: Message[] = []
    let working: Promise<void> | undefined
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (ending.signal.aborted) return
        await deliver(target, next, waiting)
      }
    }
    return {
      add(message: Message) {
        if (waiting.length >= mostWaitingFor(target)) waiting.shift()
        waiting.push(message)
        working ??= work().finally(() => (working = undefined))
      },
      idle: async () => working,
    }
  }

  async function deliver(
    target: NotifyTarget,
    { what, send }: Message,
    waiting: readonly Message[],
  ): Promise<void> {
    for (const waitMs of [...retryAfterMs, undefined]) {
      // it is outdated, and the next one has tries of its own
      if (isPinged(target) && waiting.length > 0) return
      try {
        return await send(ending.signal)
      } catch (error) {
        const again = waitMs === undefined || stopping.signal.aborted ? undefined : waitMs
        const next = again === undefined ? 'given up' : `trying again in ${again / 1000} s`
        log.warn(`${nameOf(target)} could not be told of ${what}: ${messageOf(error)}; ${next}`)
        if (again === undefined) return
        await clock.sleep(again, stopping.signal).catch(() => undefined)
      }
    }
  }

  return {
    tell(notice) {
      const envelope = { notice, host, store, time: clock.now().toISOString() }
      for (const { target, queue } of queues) {
        if (isPinged(target)) continue
        queue.add({
          what: notice.event,
          send: async (signal) => sendNotice(target, envelope, template, proxyFor, signal),
        })
      }
    },
    ping(ping, message, ms = 0) {
      for (const { target, queue } of queues) {
        if (!isPinged(target)) continue
        const send = target.kind === 'push' ? sendPush : sendPing
        queue.add({
          what: ping,
          send: async (signal) => send(target.url, ping, { message, ms }, proxyFor, signal),
        })
      }
    },
    async idle() {
      // pings are of how it goes now: nobody has to know them
      const notices = queues.filter(({ target }) => !isPinged(target))
      await Promise.all(notices.map(async ({ queue }) => queue.idle()))
    },
    async stop() {
      stopping.abort()
      const isTime = new AbortController()
      await Promise.race([
        Promise.all(queues.map(async ({ queue }) => queue.idle())),
        clock.sleep(stopAfterMs, isTime.signal).catch(() => undefined),
      ])
      isTime.abort()
      ending.abort()
    },
  }
}

/** A ping says how it goes now, so only the newest matters. */
function mostWaitingFor(target: NotifyTarget): number {
  return isPinged(target) ? 1 : mostNoticesWaiting
}

/** Whether it is told of every run, and of nothing else. */
function isPinged({ kind }: NotifyTarget): boolean {
  return kind === 'ping' || kind === 'push'
}

/** Without what may be secret in it. */
function nameOf({ kind, url }: NotifyTarget): string {
  return `${kind} ${new URL(url).host}`
}
