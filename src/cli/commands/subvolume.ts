import { UsageError, exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'
import { confirm, isInteractive } from '../confirm.ts'

export const subvolumeCommand: Command = {
  name: 'subvolume',
  summary: 'turn a volume that is a plain directory on btrfs into a subvolume',
  examples: [
    ['subvolume mysql --dry-run', 'what would be done, by which names'],
    ['subvolume mysql --yes', 'do it, without a question'],
    [
      'subvolume mysql:/export/data/mysql',
      'the same where the volume has another path: on the host',
    ],
  ],
  details: [
    'Stop the containers that use the data first, and start them afterwards. The data are copied into a\n' +
      'subvolume beside the directory, sharing what is large, and compared; then the two change places. The\n' +
      'old directory stays, as PATH.snap-volume-old, until you remove it. The engine btrfs is possible then.',
    'What is mounted cannot change places: in a container the volume is, so run this on the host, with SNAP_DIR\n' +
      'set to the store. Flags of chattr(1), such as +C, are not copied.',
    'On a terminal the plan is shown first, with 10 seconds to stop; elsewhere, and with --json, it needs --yes.',
  ],
  positionals: [
    {
      name: 'volume',
      describe: 'the ID of a volume of the last start, or ID:PATH',
      required: true,
    },
  ],
  options: {
    'dry-run': { type: 'boolean', describe: 'show the plan and change nothing' },
    yes: { type: 'boolean', alias: 'y', describe: 'show no plan and begin at once' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const volume = String(options['volume'])

    const dryRun = options['dry-run'] === true
    const isAsking = options['yes'] !== true && !dryRun
    if (isAsking && (json || !isInteractive(input))) {
      throw new UsageError('nobody can be asked here', {
        fix: 'look at it with --dry-run, and say --yes to begin',
      })
    }

    const { openContext } = await import('../open-context.ts')
    const { makeSubvolume, planSubvolume } =
      await import('../../actions/subvolume/make-subvolume.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatSubvolumeMade, formatSubvolumePlan } = await import('../render/subvolume.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      if (dryRun) {
        const plan = await planSubvolume(context, volume)
        printer.result({ type: 'result', dryRun, ...plan }, formatSubvolumePlan(plan))
        return exitCodes.done
      }

      if (isAsking) {
        await confirm(input, {
          plan: formatSubvolumePlan(await planSubvolume(context, volume)),
          what: 'The exchange',
          refusal: 'not exchanged, nothing was changed',
        })
      }

      const made = await makeSubvolume(context, volume)
      printer.result({ type: 'result', dryRun, ...made }, formatSubvolumeMade(made))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}
