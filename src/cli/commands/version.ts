import type { Environment } from '../../config/variables.ts'
import { OperationError, exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'

export const versionCommand: Command = {
  name: 'version',
  summary: 'the version of this program, its commit, and the version of rsync',
  examples: [['version', 'what to say when you report a bug']],
  isLocal: true,
  positionals: [],
  options: {},
  async run({ json, terminal, environment }) {
    const { programVersion: version } = await import('../../system/version.ts')
    const commit = commitOf(environment)

    const rsync = await installedRsync()
    terminal.stdout.write(
      json
        ? `${JSON.stringify({ schema: 1, version, commit, rsync })}\n`
        : `${version}\ncommit ${commit ?? 'unknown'}\nrsync ${rsync ?? 'unknown'}\n`,
    )
    return exitCodes.done
  },
}

/** The commit that the image was built from, as its Dockerfile says it; elsewhere nobody knows. */
function commitOf({ SNAP_VOLUME_COMMIT: commit }: Environment): string | null {
  return commit === undefined || commit === '' || commit === 'unknown' ? null : commit
}

/** Null where there is none: this command works without. */
async function installedRsync(): Promise<string | null> {
  const { readRsyncVersion } = await import('../../system/rsync-version.ts')
  try {
    return (await readRsyncVersion()) ?? null
  } catch (error) {
    if (error instanceof OperationError) return null
    throw error
  }
}
