import { type NotifyTarget, fillTemplate } from '../config/notify-target.ts'
import { errorCode } from '../errors.ts'
import type { Notice } from './notice.ts'

const timeoutMs = 10_000

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
  signal: AbortSignal,
): Promise<void> {
  if (target.kind === 'mail') await mail(target, envelope, signal)
  else await post(target.url, 'application/json', formatBody(envelope, template), signal)
}

/** Of the services that miss pings: URL/start, URL, URL/fail, the last one with why. */
export async function sendPing(
  url: string,
  ping: Ping,
  message: string,
  signal: AbortSignal,
): Promise<void> {
  const address = new URL(url)
  if (ping !== 'success') address.pathname = `${address.pathname.replace(/\/$/, '')}/${ping}`
  await post(address.href, 'text/plain; charset=utf-8', message, signal)
}

function formatBody({ notice, host, store, time }: Envelope, template: string | undefined): string {
  const { snapshot, ...rest } = notice
  if (template === undefined) return JSON.stringify({ ...rest, snapshot, host, store, time })
  const fields = { ...rest, snapshot: snapshot ?? '', host, store, time }
  return fillTemplate(template, (field) => fields[field])
}

async function post(
  url: string,
  contentType: string,
  body: string,
  signal: AbortSignal,
): Promise<void> {
  const address = new URL(url)
  const { username, password } = address
  address.username = address.password = ''
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  let response: Response
  try {
    response = await fetch(address, {
      method: 'POST',
      headers: {
        'content-type': contentType,
        'user-agent': 'snap-volume',
        ...(username === '' ? {} : { authorization: `Basic ${credentials.toString('base64')}` }),
      },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
  } catch (error) {
    // other words of it may have the address, which may be a secret
    const cause = error instanceof Error ? error.cause : undefined
    const why = errorCode(cause) ?? (error instanceof Error ? error.name : 'it cannot be reached')
    throw new Error(why, { cause: error })
  }
  await response.body?.cancel()
  if (!response.ok) throw new Error(`it answered ${response.status}`)
}

async function mail(
  { url, from, to }: Extract<NotifyTarget, { kind: 'mail' }>,
  { notice, host, store, time }: Envelope,
  signal: AbortSignal,
): Promise<void> {
  const { createTransport } = await import('nodemailer')
  const timeouts = {
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
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
