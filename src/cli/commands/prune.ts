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
    const { planPrune, prune } = await import('../../actions/prune.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatRetentionPlan } = await import('../render/retention-plan.ts')
    const printer = createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const dryRun = options['dry-run'] === true
      const plan = dryRun
        ? planPrune(context.store, context.config.maxSnapshots)
        : await prune(context)
      printer.result({ type: 'result', dryRun, plan }, formatRetentionPlan(plan, dryRun))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}
