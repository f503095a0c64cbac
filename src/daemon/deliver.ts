import { once } from 'node:events'
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ProxyFor } from '../config/proxies.ts'
import { errorCode } from '../errors.ts'

export interface Delivery {
  method: 'GET' | 'POST'
  url: URL
  contentType?: string
  body?: string
}

export const deliveryTimeoutMs = 10_000

const mostRedirects = 5

/**
 * Sends a request, and throws unless it was taken; what it throws has no secrets of the address. A
 * redirect is followed while the request stays the same: a GET always, a POST for 307 and 308 only.
 * For 301 and 302 clients ask by GET instead, and 303 has them do so (RFC 9110, 15.4): that
 * delivers nothing.
 */
export async function deliver(
  delivery: Delivery,
  proxyFor: ProxyFor,
  signal: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(deliveryTimeoutMs)
  const ends = AbortSignal.any([signal, timeout])
  let { url } = delivery
  for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
    const { status, location } = await ask({ ...delivery, url }, proxyFor, ends).catch(
      (error: unknown) => {
        const why = timeout.aborted
          ? `no answer within ${deliveryTimeoutMs / 1000} s`
          : errorCode(error)
        // its message may have the address
        throw new Error(why ?? 'it cannot be reached', { cause: error })
      },
    )
    if (status >= 200 && status < 300) return
    if (location === undefined) throw new Error(`it answered ${status}`)
    if (delivery.method === 'POST' && !keepsMethod.has(status)) {
      throw new Error(
        `it answered ${status}, which redirects to ${location.origin} and delivers nothing there: name that address instead`,
      )
    }

    url = location
  }

  throw new Error(`it redirects more than ${mostRedirects} times`)
}

const keepsMethod: ReadonlySet<number> = new Set([307, 308])
const isRedirect: ReadonlySet<number> = new Set([301, 302, 303, ...keepsMethod])

async function ask(
  { method, url, contentType, body }: Delivery,
  proxyFor: ProxyFor,
  signal: AbortSignal,
) {
  const headers = {
    'user-agent': 'snap-volume',
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
  }
  const proxy = proxyFor(url)
  const isTls = url.protocol === 'https:'

  // user and password of the address become the header
  const request = isTls
    ? httpsRequest(url, {
        method,
        headers,
        signal,
        agent: new HttpsAgent({ proxyEnv: { HTTPS_PROXY: proxy } }),
      })
    : httpRequest(url, {
        method,
        headers,
        signal,
        agent: new HttpAgent({ proxyEnv: { HTTP_PROXY: proxy } }),
      })

  // what goes wrong after the answer does not matter
  request.on('error', () => undefined).end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.destroy()
  const status = response.statusCode ?? 0
  return { status, location: isRedirect.has(status) ? nextAddress(url, response) : undefined }
}

/** Undefined where the answer does not say a web address. */
function nextAddress(from: URL, { headers: { location = '' } }: IncomingMessage): URL | undefined {
  if (location === '' || !URL.canParse(location, from.href)) return undefined
  const next = new URL(location, from)
  if (!/^https?:$/.test(next.protocol)) return undefined

  // another server is not given the password of this one
  if (next.origin === from.origin) [next.username, next.password] = [from.username, from.password]
  return next
}
