import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { expectRefusal } from '../support/refusal.ts'
import { type TestStore, makeUnconfiguredStore } from '../support/test-store.ts'

const wrongSettings: [name: string, value: string, expected: RegExp][] = [
  ['SNAP_MAX', '0', /a whole number from 1/],
  ['SNAP_MAX', '-1', /a whole number from 1/],
  ['SNAP_MAX', 'abc', /a whole number from 1/],
  ['SNAP_MAX', '1e9', /a whole number from 1/],
  ['SNAP_MAX', '1000000000', /a whole number from 1/],
  ['SNAP_CRON', 'every day', /write five fields|must be a cron expression/],
  ['SNAP_CRON', '61 3 * * *', /write five fields|must be a cron expression/],
  ['SNAP_CRON', '', /must be a cron expression/],
  ['SNAP_TZ', 'Mars/Olympus', /the name of a time zone/],
  ['SNAP_ENGINE', 'magic', /one of auto, /],
  ['SNAP_ON_UNREADABLE', 'skip', /one of fail, flag/],
  ['SNAP_LOCK_TIMEOUT', 'soon', /a time to wait/],
  ['SNAP_LOG_LEVEL', 'loud', /one of error, /],
  ['SNAP_ON_START', 'maybe', /true or false/],
  ['SNAP_DIR', 'relative/path', /an absolute path/],
  ['SNAP_DIR', '/', /an absolute path/],
  ['SNAP_MAX_FILE', '/nonexistent', /cannot be read/],
]

describe('start refuses in one line, and makes no store, for', () => {
  let store: TestStore

  before(async () => {
    store = await makeUnconfiguredStore()
    await mkdir(join(store.data, 'inside'))
  })

  after(() => store.remove())

  async function expectStartRefused(
    specs: readonly string[],
    message: RegExp,
    env: Record<string, string> = {},
  ): Promise<void> {
    const finished = await store.run(['start', ...specs], { env })
    expectRefusal(finished, 2, message)
    expect(existsSync(store.directory), 'a store').to.equal(false)
  }

  for (const [name, value, expected] of wrongSettings) {
    it(`${name}=${JSON.stringify(value)}, naming the variable and what would be right`, async () => {
      await expectStartRefused([store.spec], new RegExp(`${name}.*${expected.source}`), {
        [name]: value,
      })
    })
  }

  it('a variable that is set together with its _FILE form', async () => {
    const env = { SNAP_MAX: '3', SNAP_MAX_FILE: '/etc/hostname' }
    await expectStartRefused([store.spec], /SNAP_MAX and SNAP_MAX_FILE are both set/, env)
  })

  const wrongSpecs: [title: string, specs: (data: string) => string[], message: RegExp][] = [
    ['no volume', () => [], /argument is missing/],
    ['an id given twice', (data) => [`a:${data}`, 'a:/var/tmp'], /id a is given twice/],
    ['an empty id', (data) => [`:${data}`], /"" in .* cannot name a volume/],
    ['the id ..', (data) => [`..:${data}`], /"\.\." in .* cannot name a volume/],
    ['an id with a slash', (data) => [`a/b:${data}`], /cannot name a volume/],
    ['an id that begins with a dot', (data) => [`.hidden:${data}`], /cannot name a volume/],
    ['an id of 65 letters', (data) => [`${'a'.repeat(65)}:${data}`], /cannot name a volume/],
    ['a spec without a colon', (data) => [data], /is not a volume: write ID:PATH/],
    ['an empty path', () => ['a:'], /must be absolute/],
    ['a relative path', () => ['a:var/lib'], /must be absolute/],
    ['a path with ..', (data) => [`a:${data}/../data`], /must not contain \. or \.\./],
    ['the path /', () => ['a:/'], /names the whole filesystem/],
    ['a path in another', (data) => [`a:${data}`, `b:${data}/inside`], /overlap/],
    ['the same path twice', (data) => [`a:${data}`, `b:${data}/`], /overlap/],
  ]
  for (const [title, specs, message] of wrongSpecs) {
    it(title, () => expectStartRefused(specs(store.data), message))
  }

  it('a path that does not exist', async () => {
    const finished = await store.run(['start', `a:${store.data}/nowhere`])
    expectRefusal(finished, 1, /there is no directory \S+nowhere: mount the volume/)
    expect(existsSync(store.directory)).to.equal(false)
  })

  it('a path that is a file', async () => {
    const finished = await store.run(['start', `a:${store.data}/hello.txt`])
    expectRefusal(finished, 1, /is not a directory but a file/)
    expect(existsSync(store.directory)).to.equal(false)
  })

  it('an option it does not have', () =>
    expectStartRefused([store.spec, '--fast'], /unknown: fast: see "snap-volume start --help"/))
})
