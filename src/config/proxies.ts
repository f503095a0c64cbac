import { BlockList, isIP } from 'node:net'
import { UsageError } from '../errors.ts'
import { isServerAddress } from './server-address.ts'
import type { Environment } from './variables.ts'

/** Which proxy a request for a web address goes through; undefined for none. */
export type ProxyFor = (url: URL) => string | undefined

/**
 * Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or the same in lower case, which come first as for
 * curl(1). Throws UsageError when the proxy for one of `urls` is none.
 */
export function readProxies(environment: Environment, urls: readonly URL[]): ProxyFor {
  const exceptions = (read(environment, 'NO_PROXY')?.text ?? '').toLowerCase().split(/[\s,]+/)
  const proxyFor: ProxyFor = (url) => {
    const proxy = read(environment, url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
    if (proxy === undefined) return undefined
    if (exceptions.some((exception) => covers(exception, url))) return undefined
    return parseProxy(proxy)
  }

  for (const url of urls) proxyFor(url)
  return proxyFor
}

interface Given {
  name: string
  text: string
}

function read(environment: Environment, name: string): Given | undefined {
  const names = [name.toLowerCase(), name]
  return names
    .map((each) => ({ name: each, text: environment[each]?.trim() ?? '' }))
    .find(({ text }) => text !== '')
}

/** Its password is in no message. */
function parseProxy({ name, text }: Given): string {
  const address = text.includes('://') ? text : `http://${text}`
  if (isServerAddress(address) && /^https?:/.test(address)) return address
  throw new UsageError(`${name} is not right`, {
    fix: 'it must be the address of an HTTP proxy, such as http://proxy:3128',
  })
}

/**
 * `*`, a name with all below it, an address or a network (10.0.0.0/8), each with or without a port.
 */
function covers(exception: string, url: URL): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  const isBareIPv6 = /^(?!\[).*:.*:/.test(exception)
  const match = isBareIPv6 ? null : /^(.+?)(?::(\d+))?$/.exec(exception)
  const name = (match?.[1] ?? exception).replaceAll(/[[\]]/g, '')
  if (name === '' || (match?.[2] ?? port) !== port) return false

  const host = url.hostname.replaceAll(/[[\]]/g, '')
  if (name === '*') return true
  if (isIP(host) !== 0) return isInNetwork(name, host)

  const domain = name.replace(/^\*?\./, '')
  return host === domain || host.endsWith(`.${domain}`)
}

function isInNetwork(network: string, host: string): boolean {
  const [address = '', bits] = network.split('/')
  if (isIP(address) === 0) return false

  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  const length = Number(bits ?? (family === 'ipv6' ? 128 : 32))
  const list = new BlockList()
  try {
    list.addSubnet(address, length, family)
  } catch {
    // a length that there is not
    return false
  }

  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}
