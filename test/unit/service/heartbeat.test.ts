import { existsSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startHeartbeat } from '../../../src/service/heartbeat.ts'
import { createLog } from '../../../src/system/log.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('startHeartbeat', () => {
  const directory = useTemporaryDirectory()
  const file = (): string => join(directory.path, 'heartbeat')
  const log = createLog({
    level: 'error',
    json: false,
    now: () => new Date(0),
    write: (line) => {
      throw new Error(line)
    },
  })
  let stop: (() => void) | undefined

  afterEach(() => stop?.())

  it('beats at once, where an earlier daemon left its own', () => {
    writeFileSync(file(), '')
    utimesSync(file(), 0, 0)
    stop = startHeartbeat(file(), log, () => undefined)
    expect(statSync(file()).mtimeMs).to.be.greaterThan(0)
  })

  it('makes the file where there is none, for nobody else to read', () => {
    stop = startHeartbeat(file(), log, () => undefined)
    expect(statSync(file()).mode & 0o777).to.equal(0o600)
  })

  it('leaves no heartbeat behind', () => {
    startHeartbeat(file(), log, () => undefined)()
    expect(existsSync(file())).to.equal(false)
  })
})
