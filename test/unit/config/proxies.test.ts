import { expect } from 'chai'
import { readProxies } from '../../../src/config/proxies.ts'
import type { Environment } from '../../../src/config/variables.ts'
import { UsageError } from '../../../src/errors.ts'

const proxy = 'http://proxy.example:3128'

/** The proxy for an address in an environment. */
function proxyFor(environment: Environment, address: string): string | undefined {
  const url = new URL(address)
  return readProxies(environment, [url])(url)
}

describe('readProxies', () => {
  const environments: [environment: Environment, address: string, proxy: string | undefined][] = [
    [{}, 'http://a.example', undefined],
    [{ HTTP_PROXY: proxy }, 'http://a.example', proxy],
    [{ HTTP_PROXY: proxy }, 'https://a.example', undefined],
    [{ HTTPS_PROXY: proxy }, 'https://a.example', proxy],
    [{ https_proxy: proxy, HTTPS_PROXY: 'http://other' }, 'https://a.example', proxy],
    [{ HTTP_PROXY: '' }, 'http://a.example', undefined],
    [{ HTTP_PROXY: 'proxy.example:3128' }, 'http://a.example', proxy],
    [{ HTTP_PROXY: 'socks5://nobody.asks' }, 'https://a.example', undefined],
  ]
  for (const [environment, address, expected] of environments) {
    it(`finds ${expected ?? 'none'} for ${address} in ${JSON.stringify(environment)}`, () => {
      expect(proxyFor(environment, address)).to.equal(expected)
    })
  }

  const exceptions: [exceptions: string, address: string, isDirect: boolean][] = [
    ['*', 'http://a.example', true],
    ['a.example', 'http://a.example', true],
    ['a.example', 'http://A.Example:8080', true],
    ['a.example', 'http://deep.below.a.example', true],
    ['.a.example', 'http://b.a.example', true],
    ['*.a.example', 'http://b.a.example', true],
    ['a.example', 'http://nota.example', false],
    ['x, a.example  y', 'http://a.example', true],
    ['a.example:8080', 'http://a.example:8080', true],
    ['a.example:8080', 'http://a.example', false],
    ['a.example:80', 'http://a.example', true],
    ['127.0.0.1', 'http://127.0.0.1:8080', true],
    ['10.0.0.0/8', 'http://10.20.30.40', true],
    ['10.0.0.0/8', 'http://11.0.0.1', false],
    ['10.0.0.0/99', 'http://10.0.0.1', false],
    ['::1', 'http://[::1]:8080', true],
    ['[::1]:8080', 'http://[::1]:8080', true],
    ['[::1]:81', 'http://[::1]:8080', false],
    ['fd00::/8', 'http://[fd12::1]', true],
    ['fd00::/8', 'http://127.0.0.1', false],
    ['', 'http://a.example', false],
  ]
  for (const [noProxy, address, isDirect] of exceptions) {
    it(`${isDirect ? 'leaves' : 'asks'} the proxy for ${address} with NO_PROXY=${noProxy}`, () => {
      const environment = { HTTP_PROXY: proxy, NO_PROXY: noProxy }
      expect(proxyFor(environment, address)).to.equal(isDirect ? undefined : proxy)
    })
  }

  for (const wrong of [
    'socks5://proxy:1080',
    'http://',
    'http://us%er:secret@proxy',
    'http://a,b',
  ]) {
    it(`refuses ${wrong} where it is needed, and does not show it`, () => {
      expect(() => proxyFor({ HTTP_PROXY: wrong }, 'http://a.example'))
        .to.throw(UsageError, /^HTTP_PROXY is not right: it must be /)
        .with.property('message')
        .not.contain('secret')
    })
  }
})
