import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The script that is in every archive; a file of its own, which setup/bundle.mjs puts into dist. */
export const restoreScriptPath = fileURLToPath(new URL('restore.sh', import.meta.url))

export const restoreScriptName = 'restore.sh'

export function readRestoreScript(): string {
  return readFileSync(restoreScriptPath, 'utf8')
}
