import { UsageError, exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'

export const renameCommand: Command = {
  name: 'rename',
  summary: 'give snapshots that a wrong clock named the names of their real start',
  examples: [
    ['rename --dry-run', 'which snapshots of the future get which names'],
    ['rename', 'rename them, by the start that their records tell'],
    [
      'rename @GMT-2099.01.01-00.00.00 2026-11-20T03:00Z',
      'one whose record has the wrong time too: you say when it was taken',
    ],
  ],
  details: [
    'A snapshot of the future is named more than a day ahead of the clock. It was taken while the clock was wrong,\n' +
      'or after such a one. Nothing removes it, it counts for nothing, and latest passes over it.',
    'One that was taken while the clock was set back is named before older ones: say when it was taken. Until then\n' +
      'nothing removes it, and latest refuses to guess.',
    'The data are not touched. A name that is taken already becomes the next second. The old name still finds the\n' +
      'snapshot.',
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'only this one, also if it is not of the future',
      required: false,
      offers: 'snapshots',
    },
    { name: 'time', describe: 'when it was taken, such as 2026-11-20T03:00Z', required: false },
  ],
  options: {
    'dry-run': { type: 'boolean', describe: 'show the names and change nothing' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const { snapshot, time } = options
    const renameOptions = {
      reference: typeof snapshot === 'string' ? snapshot : undefined,
      time: typeof time === 'string' ? time : undefined,
    }
    if (renameOptions.time !== undefined && renameOptions.reference === undefined) {
      throw new UsageError('which snapshot was taken then? Name one of "snap-volume show"')
    }

    const { openContext } = await import('../open-context.ts')
    const { planRenames, renameSnapshots } = await import('../../actions/store/rename-snapshots.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatRenames } = await import('../render/renames.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const dryRun = options['dry-run'] === true
      const plan = dryRun
        ? planRenames(context, renameOptions)
        : await renameSnapshots(context, renameOptions)
      printer.result({ type: 'result', dryRun, ...plan }, formatRenames(plan, dryRun))
      return plan.left.length === 0 ? exitCodes.done : exitCodes.warnings
    } finally {
      printer.end()
    }
  },
}
