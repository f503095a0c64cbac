import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { type Settings, readSettings, unknownVariables } from '../../../src/config/settings.ts'
import { UsageError } from '../../../src/errors.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('readSettings', () => {
  it('has the defaults of the documentation', () => {
    const { given: _, ...values } = readSettings({})
    expect(values).to.deep.equal({
      storeDirectory: '/opt/.snap',
      acceptStore: false,
      maxSnapshots: 128,
      keepLast: 0,
      keepHourly: 0,
      keepDaily: 0,
      keepWeekly: 0,
      keepMonthly: 0,
      keepYearly: 0,
      keepWithinMs: 0,
      prune: 'careful',
      minFree: undefined,
      cron: '0 3 * * *',
      checksumCron: '',
      verifyNew: true,
      verifyCron: '',
      proveCron: '',
      proveTimeoutMs: 600_000,
      verifySample: 100,
      changeLimit: 90,
      timeZone: 'GMT',
      engine: 'auto',
      exclude: [],
      onUnreadable: 'fail',
      quiesce: 'none',
      preSnapshot: undefined,
      postSnapshot: undefined,
      preRestore: undefined,
      postRestore: undefined,
      hookTimeoutMs: 30_000,
      dockerHost: undefined,
      staleAfterMs: 900_000,
      warnFreePercent: 10,
      criticalFreePercent: 3,
      listen: { host: undefined, port: 8400 },
      token: undefined,
      metricsPublic: false,
      host: undefined,
      notifyTargets: [],
      notifyTemplate: undefined,
      inImage: false,
      onStart: false,
      catchUp: true,
      lockTimeoutMs: 60_000,
      logLevel: 'info',
    })
  })

  it('knows which settings the environment gave', () => {
    const { given } = readSettings({ SNAP_MAX: '128', SNAP_TZ: 'GMT' })
    expect([...given]).to.deep.equal(['maxSnapshots', 'timeZone'])
  })

  it('passes over a variable that is undefined', () => {
    expect(readSettings({ SNAP_MAX: undefined }).maxSnapshots).to.equal(128)
  })

  const right: [name: string, text: string, key: keyof Settings, value: unknown][] = [
    ['SNAP_STALE_AFTER', '2h', 'staleAfterMs', 7_200_000],
    ['SNAP_WARN_FREE', '0', 'warnFreePercent', 0],
    ['SNAP_TOKEN', '0123456789abcdef', 'token', '0123456789abcdef'],
    ['SNAP_LISTEN', '127.0.0.1:80', 'listen', { host: '127.0.0.1', port: 80 }],
    ['SNAP_MAX', '1', 'maxSnapshots', 1],
    ['SNAP_KEEP_DAILY', '7', 'keepDaily', 7],
    ['SNAP_KEEP_WITHIN', '36h', 'keepWithinMs', 129_600_000],
    ['SNAP_KEEP_WITHIN', '400d', 'keepWithinMs', 34_560_000_000],
    ['SNAP_MAX', '65000', 'maxSnapshots', 65_000],
    ['SNAP_CRON', ' */5 * * * * ', 'cron', '*/5 * * * *'],
    ['SNAP_CHECKSUM_CRON', ' 0 4 * * 0 ', 'checksumCron', '0 4 * * 0'],
    ['SNAP_CHECKSUM_CRON', '  ', 'checksumCron', ''],
    ['SNAP_TZ', 'Europe/Berlin', 'timeZone', 'Europe/Berlin'],
    ['SNAP_CHANGE_LIMIT', '0', 'changeLimit', 0],
    ['SNAP_TZ', 'UTC', 'timeZone', 'UTC'],
    ['SNAP_DIR', '/srv/snap', 'storeDirectory', '/srv/snap'],
    ['SNAP_DIR', '/srv//snap/', 'storeDirectory', '/srv/snap'],
    ['SNAP_ENGINE', 'rsync', 'engine', 'rsync'],
    ['SNAP_ENGINE', 'btrfs', 'engine', 'btrfs'],
    ['SNAP_EXCLUDE', '', 'exclude', []],
    ['SNAP_ON_UNREADABLE', 'flag', 'onUnreadable', 'flag'],
    ['SNAP_EXCLUDE', '*.tmp|db:/cache/\r\n\n:a:b', 'exclude', ['*.tmp', 'db:/cache/', ':a:b']],
    ['SNAP_ON_START', 'yes', 'onStart', true],
    ['SNAP_CATCH_UP', 'off', 'catchUp', false],
    ['SNAP_LOCK_TIMEOUT', '0', 'lockTimeoutMs', 0],
    ['SNAP_LOCK_TIMEOUT', '30', 'lockTimeoutMs', 30_000],
    ['SNAP_LOCK_TIMEOUT', '10m', 'lockTimeoutMs', 600_000],
    ['SNAP_LOG_LEVEL', 'debug', 'logLevel', 'debug'],
  ]
  for (const [name, text, key, value] of right) {
    it(`takes ${name}=${JSON.stringify(text)}`, () => {
      expect(readSettings({ [name]: text })[key]).to.deep.equal(value)
    })
  }

  const wrong: [name: string, text: string, expected: string][] = [
    ['SNAP_MAX', '0', 'a whole number from 1 to 65000, such as 128'],
    ['SNAP_MAX', '-1', 'a whole number'],
    ['SNAP_MAX', 'abc', 'a whole number'],
    ['SNAP_MAX', '1e9', 'a whole number'],
    ['SNAP_MAX', '1000000000', 'a whole number'],
    ['SNAP_MAX', '65001', 'a whole number'],
    ['SNAP_MAX', '1.5', 'a whole number'],
    ['SNAP_MAX', '0x10', 'a whole number'],
    ['SNAP_MAX', ' 5', 'a whole number'],
    ['SNAP_MAX', '5\n', 'a whole number'],
    ['SNAP_MAX', '', 'a whole number'],
    ['SNAP_CRON', '', 'a cron expression'],
    ['SNAP_CRON', '  \t', 'a cron expression'],
    ['SNAP_TZ', 'Europe/Atlantis', 'the name of a time zone, such as Europe/Berlin'],
    ['SNAP_TZ', 'nonsense', 'the name of a time zone'],
    ['SNAP_TZ', '', 'the name of a time zone'],
    ['SNAP_DIR', 'relative/snap', 'an absolute path, such as /opt/.snap'],
    ['SNAP_DIR', './snap', 'an absolute path'],
    ['SNAP_DIR', '', 'an absolute path'],
    ['SNAP_DIR', '/', 'an absolute path'],
    ['SNAP_DIR', '/srv/..', 'an absolute path'],
    ['SNAP_DIR', '/srv/\0snap', 'an absolute path'],
    ['SNAP_ENGINE', 'AUTO', 'one of auto, link, rsync, btrfs'],
    ['SNAP_ON_START', 'maybe', 'true or false'],
    ['SNAP_ON_START', '', 'true or false'],
    ['SNAP_CATCH_UP', '2', 'true or false'],
    ['SNAP_LOCK_TIMEOUT', '-1', 'a time to wait, such as 30s, 10m or 0'],
    ['SNAP_LOCK_TIMEOUT', '1d', 'a time to wait'],
    ['SNAP_LOCK_TIMEOUT', 's', 'a time to wait'],
    ['SNAP_HOOK_TIMEOUT', '600h', 'how long a hook may take'],
    ['SNAP_HOOK_TIMEOUT', '0', 'how long a hook may take'],
    ['SNAP_LOG_LEVEL', 'loud', 'one of error, warn, info, debug'],
  ]
  for (const [name, text, expected] of wrong) {
    it(`refuses ${name}=${JSON.stringify(text)} with the variable, the value and what is right`, () => {
      expect(() => readSettings({ [name]: text })).to.throw(
        UsageError,
        `${name} is ${JSON.stringify(text)}: it must be ${expected}`,
      )
    })
  }

  it('takes any text for SNAP_MAX as a number in range, or refuses it in one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(readSettings({ SNAP_MAX: text }).maxSnapshots).to.be.within(1, 65_000)
        } catch (error) {
          expect(error).to.be.instanceOf(UsageError)
          expect((error as Error).message).not.to.include('\n')
        }
      }),
    )
  })

  it('takes any text for SNAP_DIR as an absolute, normalised path, or refuses it', () => {
    const path = fc
      .array(fc.constantFrom('/', '..', '.', 'a', 'b c', '\0', '//'))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(path, (text) => {
        try {
          expect(readSettings({ SNAP_DIR: text }).storeDirectory).to.match(
            /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/,
          )
        } catch (error) {
          expect(error).to.be.instanceOf(UsageError)
        }
      }),
    )
  })

  describe('with _FILE', () => {
    const directory = useTemporaryDirectory()

    function write(text: string): string {
      const file = join(directory.path, 'value')
      writeFileSync(file, text)
      return file
    }

    it('reads the value from the file', () => {
      expect(readSettings({ SNAP_MAX_FILE: write('7') }).maxSnapshots).to.equal(7)
    })

    it('counts as given', () => {
      expect(readSettings({ SNAP_MAX_FILE: write('7') }).given.has('maxSnapshots')).to.equal(true)
    })

    it('passes over the newline at the end of the file', () => {
      expect(readSettings({ SNAP_CRON_FILE: write('0 4 * * *\r\n') }).cron).to.equal('0 4 * * *')
    })

    it('refuses a wrong value with the variable that named the file', () => {
      expect(() => readSettings({ SNAP_MAX_FILE: write('abc') })).to.throw(
        UsageError,
        'SNAP_MAX_FILE is "abc": it must be a whole number',
      )
    })

    it('refuses a value of two lines', () => {
      expect(() => readSettings({ SNAP_MAX_FILE: write('7\n8\n') })).to.throw(UsageError)
    })

    it('refuses an empty file', () => {
      expect(() => readSettings({ SNAP_MAX_FILE: write('') })).to.throw(UsageError)
    })

    it('refuses both forms at once', () => {
      expect(() => readSettings({ SNAP_MAX: '7', SNAP_MAX_FILE: write('7') })).to.throw(
        UsageError,
        'SNAP_MAX and SNAP_MAX_FILE are both set: unset one of them',
      )
    })

    it('refuses a file that is not there, and names variable and file', () => {
      const file = join(directory.path, 'missing')
      expect(() => readSettings({ SNAP_TZ_FILE: file })).to.throw(
        UsageError,
        `SNAP_TZ_FILE names ${file}, which cannot be read: ENOENT`,
      )
    })

    it('refuses a directory', () => {
      expect(() => readSettings({ SNAP_TZ_FILE: directory.path })).to.throw(UsageError, 'EISDIR')
    })
  })
})

describe('unknownVariables', () => {
  it('says nothing of known ones, their _FILE forms, and what others use', () => {
    const environment = { SNAP_MAX: '1', SNAP_TZ_FILE: '/x', PATH: '/bin', SNAPSHOT: 'x' }
    expect(unknownVariables(environment)).to.deep.equal([])
  })

  it('names the nearest known one', () => {
    expect(unknownVariables({ SNAP_MAXX: '1' })).to.deep.equal([
      'SNAP_MAXX is not a variable of this program and has no effect, did you mean SNAP_MAX?',
    ])
  })

  it('finds the nearest _FILE form', () => {
    expect(unknownVariables({ SNAP_CRON_FIEL: '1' })[0]).to.include('did you mean SNAP_CRON_FILE?')
  })

  it('suggests nothing for a name like none', () => {
    expect(unknownVariables({ SNAP_COMPLETELY_DIFFERENT: '1' })).to.deep.equal([
      'SNAP_COMPLETELY_DIFFERENT is not a variable of this program and has no effect',
    ])
  })

  it('passes over what --link injects', () => {
    const injected = {
      SNAP_VOLUME_NAME: '/x/snap-volume',
      SNAP_VOLUME_PORT_80_TCP: 'tcp://1.2.3.4:80',
      SNAP_VOLUME_ENV_SNAP_MAX: '3',
    }
    expect(unknownVariables(injected)).to.deep.equal([])
  })
})
