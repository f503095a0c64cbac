import { UsageError } from '../errors.ts'

/**
 * The value of an option that counts something from 1 on; undefined where it is not given. Throws
 * UsageError that names the option.
 */
export function parseCount(option: string, text: unknown): number | undefined {
  if (text === undefined) return undefined
  if (typeof text === 'string' && /^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`${option} is ${JSON.stringify(text)}`, { fix: 'write a number, such as 5' })
}

/** The values of an option, or an argument, that may be given several times. */
export function listOf(values: unknown): string[] {
  return Array.isArray(values) ? values.map(String) : []
}
