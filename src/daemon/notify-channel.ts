import { type NotifyTarget, fillTemplate } from '../config/notify-target.ts'
import type { ProxyFor } from '../config/proxies.ts'
import { deliver, deliveryTimeoutMs } from './deliver.ts'
import type { Notice } from './notice.ts'

/** What a service that misses pings is told: that a run began, and how it ended. */
export type Ping = 'start' | 'success' | 'fail'

/** What is sent, and where it comes from. */
export interface Envelope {
  notice: Notice
  host: string
  store: string
  time: string
}

/** Throws when the target did not take it. */
export async function sendNotice(
  target: NotifyTarget,
  envelope: Envelope,
  template: string | undefined,
  proxyFor: ProxyFor,
  signal: AbortSignal,
): Promise<void> {
  if (target.kind === 'mail') return mail(target, envelope, signal)
  const body = formatBody(envelope, template)
  const delivery = { method: 'POST', contentType: 'application/json', body } as const
  await deliver({ ...delivery, url: new URL(target.url) }, proxyFor, signal)
}

/** What a ping says of a run. */
export interface PingReport {
  /** The snapshot, or why there is none. */
  message: string
  /** How long it took. */
  ms: number
}

/** Of the services that miss pings: a POST to URL/start, URL, URL/fail, the last one with why. */
export async function sendPing(
  address: string,
  ping: Ping,
  { message }: PingReport,
  proxyFor: ProxyFor,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(address)
  if (ping !== 'success') url.pathname = `${url.pathname.replace(/\/$/, '')}/${ping}`
  const contentType = 'text/plain; charset=utf-8'
  await deliver({ method: 'POST', url, contentType, body: message }, proxyFor, signal)
}

/**
 * Of a monitor that takes a GET, as the push monitor of Uptime Kuma does; that a run began is
 * nothing to it.
 */
export async function sendPush(
  address: string,
  ping: Ping,
  { message, ms }: PingReport,
  proxyFor: ProxyFor,
  signal: AbortSignal,
): Promise<void> {
  if (ping === 'start') return
  const url = new URL(address)
  url.searchParams.set('status', ping === 'success' ? 'up' : 'down')
  url.searchParams.set('msg', message.slice(0, longestMessage))
  url.searchParams.set('ping', String(ms))
  await deliver({ method: 'GET', url }, proxyFor, signal)
}

/** Servers take no address of any length. */
const longestMessage = 500

function formatBody({ notice, host, store, time }: Envelope, template: string | undefined): string {
  const { snapshot, ...rest } = notice
  if (template === undefined) return JSON.stringify({ ...rest, snapshot, host, store, time })
  const fields = { ...rest, snapshot: snapshot ?? '', host, store, time }
  return fillTemplate(template, (field) => fields[field])
}

async function mail(
  { url, from, to }: Extract<NotifyTarget, { kind: 'mail' }>,
  { notice, host, store, time }: Envelope,
  signal: AbortSignal,
): Promise<void> {
  const { createTransport } = await import('nodemailer')
  const timeouts = {
    connectionTimeout: deliveryTimeoutMs,
    greetingTimeout: deliveryTimeoutMs,
    socketTimeout: deliveryTimeoutMs,
    // a server that does not close its side would keep the connection, and the process
    socketCloseTimeout: 0,
  }

  const transport = createTransport({ url, ...timeouts }, { from })
  await transport.sendMail({
    to,
    subject: `snap-volume on ${host}: ${notice.title}`,
    text: `${notice.message}\n\nstore: ${store}\nhost: ${host}\ntime: ${time}\n`,
    // close() of the transport ends nothing that is under way
    signal,
  })
}
