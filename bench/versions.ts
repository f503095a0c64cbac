import { programVersion } from '../src/system/version.ts'
import type { Run } from './command.ts'

const commands: Record<string, readonly string[]> = {
  rsync: ['rsync', '--version'],
  rsnapshot: ['rsnapshot', 'version'],
  restic: ['restic', 'version'],
  borg: ['borg', '--version'],
  coreutils: ['cp', '--version'],
  gcc: ['gcc', '-dumpfullversion'],
}

/** What was measured. */
export async function readVersions(run: Run): Promise<Record<string, string>> {
  const versions: Record<string, string> = {
    'snap-volume': programVersion,
    node: process.versions.node,
  }
  for (const [name, command] of Object.entries(commands)) {
    const [version = 'unknown'] = /\d+(\.\d+)+/.exec(await run(command)) ?? []
    versions[name] = version
  }
  return versions
}
