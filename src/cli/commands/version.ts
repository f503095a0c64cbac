import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'

export const versionCommand: Command = {
  name: 'version',
  summary: 'the version of this program',
  examples: [['version', 'the version']],
  isLocal: true,
  positionals: [],
  options: {},
  async run({ json, terminal }) {
    const { programVersion } = await import('../../system/version.ts')
    terminal.stdout.write(
      json ? `${JSON.stringify({ schema: 1, version: programVersion })}\n` : `${programVersion}\n`,
    )
    return exitCodes.done
  },
}
