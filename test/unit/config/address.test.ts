import { expect } from 'chai'
import { formatAddress, parseHost, parseListen } from '../../../src/config/address.ts'

describe('parseListen', () => {
  const right: [text: string, host: string | undefined, port: number][] = [
    [':8400', undefined, 8400],
    ['8400', undefined, 8400],
    ['127.0.0.1:80', '127.0.0.1', 80],
    ['[::1]:8400', '::1', 8400],
    ['localhost:65535', 'localhost', 65_535],
  ]
  for (const [text, host, port] of right) {
    it(`takes ${text}`, () => {
      expect(parseListen(text)).to.deep.equal({ host, port })
    })
  }

  for (const text of ['', ':', ':0', ':65536', 'host', 'a b:80', '::1:80', ':8400x']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseListen(text)).to.equal(undefined)
    })
  }
})

describe('parseHost', () => {
  const right: [text: string, address: string][] = [
    ['mysql-vol', 'http://mysql-vol:8400'],
    ['mysql-vol:9000', 'http://mysql-vol:9000'],
    ['mysql-vol:80', 'http://mysql-vol:80'],
    ['http://mysql-vol', 'http://mysql-vol:80'],
    ['https://snap.example', 'https://snap.example:443'],
    ['[fd00::1]:8400', 'http://[fd00::1]:8400'],
    ['unix:///opt/.snap/.snap-volume/control.sock', 'unix:///opt/.snap/.snap-volume/control.sock'],
  ]
  for (const [text, address] of right) {
    it(`takes ${text}`, () => {
      const parsed = parseHost(text)
      expect(parsed === undefined ? parsed : formatAddress(parsed)).to.equal(address)
    })
  }

  for (const text of ['', 'a b', 'http://host/path', 'ftp://host', 'user@host', 'host:99999']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(parseHost(text)).to.equal(undefined)
    })
  }
})
