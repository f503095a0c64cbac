import { expect } from 'chai'
import { type LogOptions, createLog, logLevels } from '../../../src/system/log.ts'

const now = () => new Date('2026-11-20T03:00:00Z')

function linesOf(options: Pick<LogOptions, 'level' | 'json'>, fields?: object): string[] {
  const lines: string[] = []
  const log = createLog({ ...options, now, write: (line) => lines.push(line) })
  for (const level of logLevels) log[level](`a ${level}`, fields)
  return lines
}

describe('createLog', () => {
  const shown = { error: 1, warn: 2, info: 3, debug: 4 }
  for (const level of logLevels) {
    it(`writes ${shown[level]} of the four levels at ${level}`, () => {
      const messages = logLevels.slice(0, shown[level]).map((each) => `a ${each}`)
      const lines = linesOf({ level, json: true })
      expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).to.deep.equal(
        messages,
      )
    })
  }

  it('writes a line with time and level', () => {
    expect(linesOf({ level: 'warn', json: false })).to.deep.equal([
      '2026-11-20T03:00:00.000Z error a error\n',
      '2026-11-20T03:00:00.000Z warn  a warn\n',
    ])
  })

  it('writes fields in JSON', () => {
    const [line = ''] = linesOf({ level: 'error', json: true }, { skipped: 2 })
    expect(JSON.parse(line)).to.deep.equal({
      type: 'log',
      time: '2026-11-20T03:00:00.000Z',
      level: 'error',
      message: 'a error',
      skipped: 2,
    })
  })

  it('leaves fields out of text', () => {
    expect(linesOf({ level: 'error', json: false }, { skipped: 2 })[0]).not.to.include('skipped')
  })

  it('writes a JSON document on one line, whatever the message', () => {
    const lines: string[] = []
    const log = createLog({ level: 'info', json: true, now, write: (line) => lines.push(line) })
    log.info('first\nsecond')
    expect(lines.join('').split('\n')).to.have.length(2)
  })

  it('writes a text message on one line that cannot steer a terminal', () => {
    const lines: string[] = []
    const log = createLog({ level: 'info', json: false, now, write: (line) => lines.push(line) })
    log.info('first\n2026-11-20T03:00:00.000Z info  forged \u001b[2J \u202e')
    expect(lines.join('')).to.match(/^[^\n\u001b\u202e]*\n$/)
  })
})
