import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'

export const pruneCommand: Command = {
  name: 'prune',
  summary: 'remove the snapshots that retention (SNAP_MAX) does not keep',
  examples: [
    ['prune --dry-run', 'every snapshot, kept or removed, and the rule that decides'],
    ['prune', 'remove them now'],
  ],
  positionals: [],
  options: {
    'dry-run': { type: 'boolean', describe: 'show the plan and change nothing' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const { openContext } = await import('../open-context.ts')
    const { planNow, prune } = await import('../../actions/store/prune.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatRetentionPlan } = await import('../render/retention-plan.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const dryRun = options['dry-run'] === true
      const { plan, warnings } = dryRun ? planNow(context) : await prune(context)
      printer.result({ type: 'result', dryRun, plan }, formatRetentionPlan(plan, dryRun))
      return warnings.length === 0 ? exitCodes.done : exitCodes.warnings
    } finally {
      printer.end()
    }
  },
}
