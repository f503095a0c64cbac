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
export class Notifier {
  readonly #options: NotifierOptions
  /** Aborted when nothing is tried again. */
  readonly #stopping = new AbortController()
  /** Aborted when nothing is sent any more. */
  readonly #ending = new AbortController()
  readonly #queues: readonly MessageQueue[]

  constructor(options: NotifierOptions) {
    this.#options = options
    const stopping = this.#stopping.signal
    const ending = this.#ending.signal
    this.#queues = options.targets.map(
      (target) => new MessageQueue(target, { ...options, stopping, ending }),
    )
  }

  tell(notice: Notice): void {
    const { template, proxyFor, host, store, clock } = this.#options
    const envelope = { notice, host, store, time: clock.now().toISOString() }
    for (const queue of this.#queues) {
      const { target } = queue
      if (isPinged(target)) continue
      queue.add({
        what: notice.event,
        send: async (signal) => sendNotice(target, envelope, template, proxyFor, signal),
      })
    }
  }

  /** `ms` is how long the run took. */
  ping(ping: Ping, message: string, ms = 0): void {
    const { proxyFor } = this.#options
    for (const queue of this.#queues) {
      const { target } = queue
      if (!isPinged(target)) continue
      const send = target.kind === 'push' ? sendPush : sendPing
      queue.add({
        what: ping,
        send: async (signal) => send(target.url, ping, { message, ms }, proxyFor, signal),
      })
    }
  }

  /** Resolves when all notices have been taken, or given up. */
  async idle(): Promise<void> {
    // pings are of how it goes now: nobody has to know them
    const notices = this.#queues.filter(({ target }) => !isPinged(target))
    await Promise.all(notices.map(async (queue) => queue.idle()))
  }

  /** Gives what waits a moment more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const isTime = new AbortController()
    await Promise.race([
      Promise.all(this.#queues.map(async (queue) => queue.idle())),
      this.#options.clock.sleep(stopAfterMs, isTime.signal).catch(() => undefined),
    ])

    isTime.abort()
    this.#ending.abort()
  }
}

interface Message {
  what: string
  send: (signal: AbortSignal) => Promise<void>
}

interface QueueOptions extends Pick<NotifierOptions, 'clock' | 'log'> {
  stopping: AbortSignal
  ending: AbortSignal
}

/** What waits for one target, sent one after another. */
class MessageQueue {
  readonly target: NotifyTarget
  readonly #options: QueueOptions
  readonly #waiting: Message[] = []
  #working: Promise<void> | undefined

  constructor(target: NotifyTarget, options: QueueOptions) {
    this.target = target
    this.#options = options
  }

  add(message: Message): void {
    if (this.#waiting.length >= mostWaitingFor(this.target)) this.#waiting.shift()
    this.#waiting.push(message)
    this.#working ??= this.#work().finally(() => (this.#working = undefined))
  }

  async idle(): Promise<void> {
    return this.#working
  }

  async #work(): Promise<void> {
    const waiting = this.#waiting
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (this.#options.ending.aborted) return
      await this.#deliver(next)
    }
  }

  async #deliver({ what, send }: Message): Promise<void> {
    const { clock, log, stopping, ending } = this.#options
    for (const waitMs of [...retryAfterMs, undefined]) {
      // it is outdated, and the next one has tries of its own
      if (isPinged(this.target) && this.#waiting.length > 0) return
      try {
        return await send(ending)
      } catch (error) {
        const again = waitMs === undefined || stopping.aborted ? undefined : waitMs
        const next = again === undefined ? 'given up' : `trying again in ${again / 1000} s`
        const name = nameOf(this.target)
        log.warn(`${name} could not be told of ${what}: ${messageOf(error)}; ${next}`)
        if (again === undefined) return
        await clock.sleep(again, stopping).catch(() => undefined)
      }
    }
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
