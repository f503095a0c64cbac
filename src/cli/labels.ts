import { UsageError } from '../errors.ts'
import { listOf } from './option-values.ts'

const keyPattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/

/** Reads words like KEY=VALUE; of a key given twice the last counts. Throws UsageError. */
export function parseLabels(texts: unknown): Record<string, string> {
  const pairs = listOf(texts).map((text): [string, string] => {
    const at = text.indexOf('=')
    const key = text.slice(0, Math.max(at, 0))
    if (keyPattern.test(key)) return [key, text.slice(at + 1)]

    throw new UsageError(`${JSON.stringify(text)} is not a label`, {
      fix: 'write KEY=VALUE, the key of A-Z a-z 0-9 . _ / -',
    })
  })

  return Object.fromEntries(pairs)
}

/** Reads the keys of labels. Throws UsageError for what cannot be one. */
export function parseKeys(texts: unknown): string[] {
  const keys = listOf(texts)
  const wrong = keys.find((key) => !keyPattern.test(key))
  if (wrong === undefined) return keys

  throw new UsageError(`${JSON.stringify(wrong)} is not the key of a label`, {
    fix: 'write the KEY alone, without its value',
  })
}
