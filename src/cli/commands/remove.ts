import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'
import { listOf } from '../option-values.ts'
import { confirm, isInteractive } from '../confirm.ts'

export const removeCommand: Command = {
  name: 'remove',
  summary: 'remove snapshots, any of them; the others keep their files',
  examples: [
    ['remove @GMT-2026.11.20-03.00.00 --dry-run', 'what that gives back, and changes nothing'],
    ['remove @GMT-2026.11.20-03.00.00', 'remove it'],
    ['remove latest~5 latest~4 --yes', 'several at once, without a question'],
  ],
  details: [
    'A pinned snapshot is not removed (annotate --unpin), nor one that an unfinished restore needs. On a terminal\n' +
      'the plan is shown first, with 10 seconds to stop: y begins now, any other key stops it, without Enter.\n' +
      'Elsewhere, and with --yes, it begins at once.',
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'the snapshots to remove; see "snap-volume show"',
      required: true,
      many: true,
      offers: 'snapshots',
    },
  ],
  options: {
    'dry-run': { type: 'boolean', describe: 'show what it frees and change nothing' },
    yes: { type: 'boolean', alias: 'y', describe: 'show no plan and begin at once' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const references = listOf(options['snapshot'])
    const { openContext } = await import('../open-context.ts')
    const { planRemoval, removeSnapshots } = await import('../../actions/store/remove.ts')
    const { readUsage } = await import('../../actions/inspect/usage.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatRemoval, formatRemovalPlan } = await import('../render/removal.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const dryRun = options['dry-run'] === true
      const asks = options['yes'] !== true && !json && isInteractive(input)
      // what a word such as latest means is decided before anybody waits or is asked
      const plan = planRemoval(context, references)
      const names = plan.snapshots.map(({ name }) => name)
      if (dryRun || asks) {
        const usage = await readUsage(context)
        const freed = usage.freedBy(new Set(names))
        const text = formatRemovalPlan(plan, freed)
        if (dryRun) {
          const { bytes: freedBytes, inodes: freedInodes, bound } = freed
          const document = { type: 'result', dryRun, ...plan, freedBytes, freedInodes, bound }
          printer.result(document, text)
          return exitCodes.done
        }

        await confirm(input, {
          plan: text,
          what: 'The removal',
          refusal: 'not removed, nothing was changed',
        })
      }

      const removed = await removeSnapshots(context, names)
      printer.result({ type: 'result', dryRun, ...removed }, formatRemoval(removed))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}
