import { readFileSync } from 'node:fs'
import { UsageError, messageOf } from '../errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** One environment variable: how its text becomes a value, and what to say when it does not. */
export interface Variable<T> {
  name: string
  /** What it is for, as one line of the man page; undefined for what only the image sets. */
  describe: string | undefined
  fallback: T
  /** What a right value looks like, as the end of an error line. */
  expected: string
  /** Returns undefined for a text that is not a right value. */
  parse: (text: string) => T | undefined
  /** Then no message has it. */
  isSecret?: boolean
  /** The text of a value, where String() is not it. */
  format?(value: T): string
}

export interface ReadVariable<T> {
  value: T
  /** True when the environment set it, false when it is the default. */
  given: boolean
}

/**
 * Reads a variable, or its `_FILE` form that names a file with the value.
 * Throws UsageError with the variable, the value and what would be right.
 */
export function readVariable<T>(environment: Environment, variable: Variable<T>): ReadVariable<T> {
  const source = readText(environment, variable.name)
  if (source === undefined) return { value: variable.fallback, given: false }
  const value = variable.parse(source.text)
  if (value === undefined) {
    const is = variable.isSecret === true ? 'is not right' : `is ${JSON.stringify(source.text)}`
    throw new UsageError(`${source.name} ${is}`, { fix: `it must be ${variable.expected}` })
  }

  return { value, given: true }
}

function readText(
  environment: Environment,
  name: string,
): { name: string; text: string } | undefined {
  const fileName = `${name}_FILE`
  const direct = environment[name]

  const file = environment[fileName]
  if (direct !== undefined && file !== undefined) {
    throw new UsageError(`${name} and ${fileName} are both set`, { fix: 'unset one of them' })
  }
  if (file === undefined) return direct === undefined ? undefined : { name, text: direct }

  try {
    return { name: fileName, text: readFileSync(file, 'utf8').replace(/\r?\n$/, '') }
  } catch (error) {
    throw new UsageError(`${fileName} names ${file}, which cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

export function parseWholeNumber(minimum: number, maximum: number) {
  return (text: string): number | undefined => {
    if (!/^[0-9]{1,9}$/.test(text)) return undefined
    const value = Number(text)
    return value >= minimum && value <= maximum ? value : undefined
  }
}

export function parseOneOf<T extends string>(values: readonly T[]) {
  return (text: string): T | undefined => values.find((value) => value === text)
}

export function parseSwitch(text: string): boolean | undefined {
  if (['1', 'true', 'yes', 'on'].includes(text)) return true
  return ['0', 'false', 'no', 'off'].includes(text) ? false : undefined
}

/** Timers of Node count no further, and end at once; it is 24 days. */
const longestDurationMs = 2 ** 31 - 1
const durationUnitsMs = { '': 1000, s: 1000, m: 60_000, h: 3_600_000 } as const

/** `30`, `30s`, `10m` or `1h`, at most `596h`, in milliseconds. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^([0-9]{1,6})([smh]?)$/.exec(text)
  if (match === null) return undefined
  const durationMs = Number(match[1]) * durationUnitsMs[match[2] as keyof typeof durationUnitsMs]
  return durationMs <= longestDurationMs ? durationMs : undefined
}

const spanUnitsMs = { ...durationUnitsMs, d: 86_400_000 } as const

/** `36h` or `14d`, in milliseconds; nobody waits for it, so it may be of years. */
export function parseSpanMs(text: string): number | undefined {
  const match = /^([0-9]{1,6})([smhd]?)$/.exec(text)
  if (match === null) return undefined
  return Number(match[1]) * spanUnitsMs[match[2] as keyof typeof spanUnitsMs]
}

/** As parseDurationMs, but no time at all is refused. */
export function parseTimeoutMs(text: string): number | undefined {
  const timeoutMs = parseDurationMs(text)
  return timeoutMs === 0 ? undefined : timeoutMs
}

/** As parseDurationMs reads them: seconds, or minutes where there are several whole ones. */
export function formatDurationMs(durationMs: number): string {
  const minutes = durationMs / 60_000
  return minutes > 1 && Number.isInteger(minutes) ? `${minutes}m` : `${durationMs / 1000}s`
}
