import { UsageError, exitCodes } from '../../errors.ts'
import type { Environment } from '../../config/variables.ts'
import type { Command, CommandInput, Option } from '../command.ts'

const rules = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const

export const pruneCommand: Command = {
  name: 'prune',
  summary: 'remove the snapshots that retention (SNAP_MAX, SNAP_KEEP_*) does not keep',
  examples: [
    ['prune --dry-run', 'every snapshot, kept or removed, and the rules that decide'],
    ['prune', 'remove them now'],
    ['prune --yes', 'also where that is many at once'],
    ['prune --dry-run --keep-daily 7 --keep-monthly 12', 'what other rules would do'],
    ['prune --dry-run --until 2027-12-31', 'what would be there then, by schedule and rules'],
  ],
  details: [
    'More than ten at once, or more than half of all, are not removed before somebody says --yes: by this\n' +
      'command, and after a snapshot. SNAP_PRUNE=always, set where the sidecar starts, never waits.',
  ],
  positionals: [],
  options: {
    'dry-run': { type: 'boolean', describe: 'show the plan and change nothing' },
    yes: { type: 'boolean', alias: 'y', describe: 'remove many at once, too' },
    ...Object.fromEntries(
      rules.map((rule): [string, Option] => [
        `keep-${rule}`,
        {
          type: 'string',
          value: 'N',
          describe: `with --dry-run: as SNAP_KEEP_${rule.toUpperCase()}, in the place of all rules`,
        },
      ]),
    ),
    'keep-within': {
      type: 'string',
      value: 'SPAN',
      describe: 'with --dry-run: as SNAP_KEEP_WITHIN, such as 36h',
    },
    until: {
      type: 'string',
      value: 'DAY',
      describe: 'with --dry-run: let the schedule run to the end of that day, such as 2027-12-31',
    },
  },
  async run(input) {
    const { options, json, terminal } = input
    const dryRun = options['dry-run'] === true
    const environment = withOtherRules(input.environment, options)
    assertOnlyPlanned(input, dryRun)

    const { openContext } = await import('../open-context.ts')
    const { planBothStages, prune, whyItWaits } = await import('../../actions/store/prune.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { emitWarnings } = await import('../../actions/events.ts')
    const { formatRetentionPlan } = await import('../render/retention-plan.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext({ ...input, environment }, printer.emit)
      if (typeof options['until'] === 'string') {
        const { simulatePrune } = await import('../../actions/store/simulate-prune.ts')
        const { listRuns } = await import('../../daemon/schedule.ts')
        const { formatSimulation } = await import('../render/retention-plan.ts')
        const until = await endOfDay(options['until'], context.config.timeZone)
        const simulated = simulatePrune(context, until, listRuns)
        const document = { type: 'result', dryRun, until: until.toISOString(), ...simulated }
        printer.result(document, formatSimulation(simulated, options['until']))
        return exitCodes.done
      }

      if (dryRun) {
        const { plan, warnings } = await planBothStages(context)
        emitWarnings(printer.emit, warnings)
        const waits = whyItWaits(context.config, plan) !== undefined
        const document = { type: 'result', dryRun, plan, waits }
        printer.result(document, formatRetentionPlan(plan, { dryRun, waits }))
        return exitCodes.done
      }

      const { plan, warnings } = await prune(context, { yes: options['yes'] === true })
      printer.result({ type: 'result', dryRun, plan }, formatRetentionPlan(plan, { dryRun }))
      return warnings.length === 0 ? exitCodes.done : exitCodes.warnings
    } finally {
      printer.end()
    }
  },
}

const ruleNames = [...rules, 'within'].map((rule) => `keep-${rule}`)

function assertOnlyPlanned({ options }: CommandInput, dryRun: boolean): void {
  const named = [...ruleNames, 'until'].find((name) => options[name] !== undefined)
  if (dryRun || named === undefined) return
  throw new UsageError(`--${named} only shows what would be`, {
    fix: 'add --dry-run; rules that count are set where the sidecar starts, as SNAP_KEEP_*',
  })
}

/** The variables as they would be with the rules that the options name, and no others. */
function withOtherRules(environment: Environment, options: CommandInput['options']): Environment {
  const named = ruleNames.filter((name) => options[name] !== undefined)
  if (named.length === 0) return environment
  const others = Object.entries(environment).filter(
    ([name]) => !/^SNAP_(MAX|KEEP_[A-Z]+)(_FILE)?$/.test(name),
  )
  return Object.fromEntries([
    ...others,
    ...named.map((name) => [
      `SNAP_${name.toUpperCase().replaceAll('-', '_')}`,
      String(options[name]),
    ]),
  ])
}

async function endOfDay(day: string, timeZone: string): Promise<Date> {
  const { DateTime } = await import('luxon')
  const time = DateTime.fromFormat(day, 'yyyy-MM-dd', { zone: timeZone })
  if (!time.isValid) {
    throw new UsageError(`--until is ${JSON.stringify(day)}`, {
      fix: 'name a day, such as 2027-12-31',
    })
  }
  return time.endOf('day').toJSDate()
}
