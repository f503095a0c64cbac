import { printable } from './printable.ts'

export const logLevels = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof logLevels)[number]

export interface Log {
  error(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  info(message: string, fields?: object): void
  debug(message: string, fields?: object): void
}

export interface LogOptions {
  level: LogLevel
  /** One JSON document a line instead of text. */
  json: boolean
  now: () => Date
  write: (line: string) => void
}

/**
 * A log of plain lines; `fields` appear in its JSON form only, the message must tell all that
 * matters.
 */
export function createLog({ level, json, now, write }: LogOptions): Log {
  const highest = logLevels.indexOf(level)
  const logger =
    (lineLevel: LogLevel) =>
    (message: string, fields: object = {}): void => {
      if (logLevels.indexOf(lineLevel) > highest) return
      const time = now().toISOString()
      write(
        json
          ? `${JSON.stringify({ ...fields, type: 'log', time, level: lineLevel, message })}\n`
          : `${time} ${lineLevel.padEnd(5)} ${printable(message)}\n`,
      )
    }

  return {
    error: logger('error'),
    warn: logger('warn'),
    info: logger('info'),
    debug: logger('debug'),
  }
}
