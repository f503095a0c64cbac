import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parse } from 'yaml'
import { overview } from '../../../src/cli/overview.ts'

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')

/** The first command that starts a sidecar, with the lines that continue it. */
function firstSidecar(text: string): string {
  return /docker run -d (?:[^\n]*\\+\n)*[^\n]* start \w+:/.exec(text)?.[0] ?? ''
}

const firstExamples = [
  ['README.md', read('README.md')],
  ['README.ja.md', read('README.ja.md')],
  ['examples/docker-commands.md', read('examples/docker-commands.md')],
  ['examples/quickstart/with-docker.sh', read('examples/quickstart/with-docker.sh')],
  ['snap-volume help', overview.examples.join('\n')],
] as const

describe('the first example', () => {
  for (const [where, text] of firstExamples) {
    it(`of ${where} pauses what writes, and comes back after a reboot`, () => {
      const command = firstSidecar(text)
      expect(command).to.include('-e SNAP_QUIESCE=pause')
      expect(command).to.include('-v /var/run/docker.sock:/var/run/docker.sock')
      expect(command).to.include('--restart unless-stopped')
    })
  }

  it('of Compose does so too, and its comments ask nobody to pause', () => {
    const text = read('examples/compose.yaml')
    const { services } = parse(text) as { services: Record<string, Record<string, unknown>> }
    expect(services['snap']?.['environment']).to.include({ SNAP_QUIESCE: 'pause' })
    expect(services['snap']?.['volumes']).to.include(
      '${DOCKER_SOCKET:-/var/run/docker.sock}:/var/run/docker.sock',
    )
    expect(services['snap']?.['restart']).to.equal('unless-stopped')
    expect(text).not.to.match(/compose (pause|unpause) /)
  })

  const risks: [where: string, risk: RegExp][] = [
    ['README.md', /socket is root on the host/],
    ['README.ja.md', /ソケットはホストの root/],
    ['examples/compose.yaml', /is root on the host/],
    ['examples/docker-commands.md', /socket is root on the host/],
    ['examples/quickstart/with-docker.sh', /socket is root on this host/],
  ]
  for (const [where, risk] of risks) {
    it(`of ${where} says what the socket may do`, () => {
      expect(read(where)).to.match(risk)
    })
  }
})

describe('the way over the network', () => {
  for (const where of ['README.md', 'README.ja.md', 'docs/remote.md']) {
    it(`comes before --link in ${where}, which is named as the older one`, () => {
      const text = read(where)
      const link = text.indexOf('--link')
      expect(text.indexOf('--network'), '--network').to.be.within(0, link)
      expect(text.slice(link, link + 300)).to.match(/older\s+way|古いやり方/)
    })
  }

  it('is the one in the help', () => {
    expect(overview.examples.join('\n')).to.include('--network').and.not.include('--link')
  })
})

describe('what must be known before a snapshot is relied on', () => {
  const facts: [what: string, english: RegExp, japanese: RegExp][] = [
    ['nobody writes into one', /Never write into a snapshot/, /書き込まないでください/],
    ['a server starts on a clone', /[Ss]tart the server on a clone/, /クローンの上で起動/],
    ['it is no backup on the same disk', /same disk is no backup/, /バックアップではありません/],
    ['rm -rf of one is safe', /`rm -rf` of a snapshot is safe/, /`rm -rf` は安全/],
    [
      'what is in the way of an image without root',
      /does not run as root finds/,
      /root でないユーザー/,
    ],
  ]
  for (const [what, english, japanese] of facts) {
    it(`is in the READMEs: ${what}`, () => {
      expect(read('README.md')).to.match(english)
      expect(read('README.ja.md')).to.match(japanese)
    })
  }
})
