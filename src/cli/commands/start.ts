import type { BesideWork } from '../../actions/context.ts'
import { exitCodes } from '../../errors.ts'
import type { CommandExecutor } from '../../remote/executor.ts'
import type { Command } from '../command.ts'

export const startCommand: Command = {
  name: 'start',
  summary: 'check everything, then take snapshots on schedule until stopped',
  examples: [
    ['start mysql:/var/lib/mysql', 'one volume, kept in the store as mysql'],
    ['start db:/var/lib/mysql files:/var/www/html', 'two volumes, always snapshotted together'],
  ],
  isLocal: true,
  positionals: [
    {
      name: 'volumes',
      describe: 'ID:PATH, the name in the store and the directory to snapshot',
      required: true,
      many: true,
    },
  ],
  options: {},
  async run(input) {
    const { options, environment, json, commands, terminal, clock, signal } = input
    const { readSettings, unknownVariables } = await import('../../config/settings.ts')
    const { parseVolumeSpecs } = await import('../../config/volume-spec.ts')
    const { assertExcludeFits } = await import('../../config/exclude.ts')
    const { assertUnreadableFits } = await import('../../config/unreadable.ts')
    const settings = readSettings(environment)
    const volumes = parseVolumeSpecs((options['volumes'] as string[]).map(String))
    assertExcludeFits(settings.exclude, volumes, settings.engine)
    assertUnreadableFits(settings.onUnreadable, settings.engine)

    const { createLog } = await import('../../system/log.ts')
    const { runDaemon } = await import('../../daemon/daemon.ts')
    const log = createLog({
      level: settings.logLevel,
      json,
      now: () => clock.now(),
      write: (line) => terminal.stdout.write(line),
    })

    for (const line of unknownVariables(environment)) log.warn(line)
    const { createExecutor } = await import('../command-executor.ts')
    const makeExecutor = (beside: BesideWork): CommandExecutor =>
      createExecutor(commands, environment, clock, beside)
    await runDaemon({ settings, environment, volumes, makeExecutor, clock, signal, log })
    return exitCodes.done
  },
}
