import { UsageError, exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'
import { listOf, parseCount } from '../option-values.ts'

export const usageCommand: Command = {
  name: 'usage',
  summary: 'what snapshots take on the disk, and what removing them gives back',
  examples: [
    ['usage', 'each snapshot with what it alone gives back'],
    ['usage latest~3 latest~2', 'what these two give back together'],
    ['usage --oldest 10', 'what the ten oldest give back'],
  ],
  details: [
    'A file that several snapshots have is freed when all of them go, so two together may give back more than\n' +
      'each alone. The first look walks all snapshots, later ones only those that are new.',
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'the snapshots that would be removed together',
      required: false,
      many: true,
      offers: 'snapshots',
    },
  ],
  options: {
    oldest: { type: 'string', value: 'N', describe: 'the N oldest ones' },
  },
  async run(input) {
    const { json, terminal } = input
    const oldest = parseCount('--oldest', input.options['oldest'])
    const references = listOf(input.options['snapshot'])
    if (oldest !== undefined && references.length > 0) {
      throw new UsageError('--oldest chooses the snapshots', { fix: 'name none beside it' })
    }

    const { openStoreOnly } = await import('../open-context.ts')
    const { readUsage } = await import('../../actions/inspect/usage.ts')
    const { chooseForUsage } = await import('../../actions/inspect/choose-snapshots.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { describeUsage, formatUsage } = await import('../render/usage.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const { store } = openStoreOnly(input)
      const names = chooseForUsage({ store, clock: input.clock }, { references, oldest })
      const usage = await readUsage({ ...input, store, emit: printer.emit })
      printer.result(describeUsage(usage, names), formatUsage(usage, names))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}
