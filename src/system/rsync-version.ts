import { OperationError } from '../errors.ts'
import { spawn } from './spawn.ts'

/**
 * Older ones, run as root, can be led out of the tree through links by whoever owns it
 * (CVE-2026-53795).
 */
const oldestSafe = '3.5.0'

/** Throws OperationError when rsync is missing or too old to be safe. */
export async function assertRsync(): Promise<void> {
  const version = await readRsyncVersion()
  if (version !== undefined && version.localeCompare(oldestSafe, 'en', { numeric: true }) >= 0)
    return

  throw new OperationError(
    `rsync ${version ?? 'of an unknown version'} is too old to be run safely as root`,
    { fix: `install ${oldestSafe} or newer (Debian: from its security archive), or use the image` },
  )
}

/**
 * The version of the rsync that is installed, such as `3.5.0`; undefined for one that does not say
 * it in these words. Throws OperationError when there is none.
 */
export async function readRsyncVersion(): Promise<string | undefined> {
  const { stdout } = await spawn('rsync', ['--version'])
  return /^rsync\s+version v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1]
}
