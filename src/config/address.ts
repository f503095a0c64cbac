/** The port of the daemon, and of clients that are told none. */
export const defaultPort = 8400

/** Where a server listens; without a host, everywhere. */
export interface Endpoint {
  host: string | undefined
  port: number
}

/** Where a client finds a server. */
export type Address =
  { socket: string } | { protocol: 'http:' | 'https:'; host: string; port: number }

/** `:8400`, `127.0.0.1:8400`, `[::1]:8400`, or a port alone. */
export function parseListen(text: string): Endpoint | undefined {
  const match = /^(?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)?:)?([0-9]{1,5})$/.exec(text)
  const port = parsePort(match?.[2])
  if (port === undefined) return undefined
  return { host: match?.[1]?.replaceAll(/[[\]]/g, ''), port }
}

/** As it is written. */
export function formatListen({ host = '', port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** `mysql-vol`, `mysql-vol:8400`, an http or https address, or unix:///a/path. */
export function parseHost(text: string): Address | undefined {
  if (text.startsWith('unix:///')) return { socket: text.slice('unix://'.length) }
  const hasProtocol = /^https?:\/\//.test(text)
  if (!URL.canParse(hasProtocol ? text : `http://${text}`)) return undefined
  const url = new URL(hasProtocol ? text : `http://${text}`)
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') return undefined

  const protocol = url.protocol === 'https:' ? 'https:' : 'http:'
  // a URL leaves out the port that its protocol has anyway
  const usualPort = hasProtocol ? (protocol === 'https:' ? 443 : 80) : defaultPort
  const port = url.port === '' ? (text.endsWith(':80') ? 80 : usualPort) : Number(url.port)
  return { protocol, host: url.hostname.replaceAll(/[[\]]/g, ''), port }
}

/** For messages. */
export function formatAddress(address: Address): string {
  if ('socket' in address) return `unix://${address.socket}`
  const { protocol, host, port } = address
  return `${protocol}//${host.includes(':') ? `[${host}]` : host}:${port}`
}

function parsePort(text: string | undefined): number | undefined {
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : undefined
}
