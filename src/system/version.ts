import { readFileSync } from 'node:fs'

/**
 * The version of this program, as its package.json says; it is two directories up, built or not.
 */
export const programVersion = readVersion()

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}
