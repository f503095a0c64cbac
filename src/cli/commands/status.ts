import { InterruptedError, exitCodes, messageOf } from '../../errors.ts'
import { printable } from '../../system/printable.ts'
import type { Command } from '../command.ts'

/** What monitoring systems expect of a check (Monitoring Plugins Development Guidelines). */
const checkCodes = { ok: 0, warning: 1, critical: 2 } as const

export const statusCommand: Command = {
  name: 'status',
  summary: 'whether snapshots are being taken, and what needs looking after',
  examples: [
    ['status', 'the last run, the next one, space, and what is wrong'],
    ['status --check', 'one line, and exit code 0 (ok), 1 (warning) or 2 (critical)'],
    ['status --json', 'for programs'],
  ],
  details: [
    'Critical: no daemon, a snapshot overdue by more than SNAP_STALE_AFTER (15m), less than SNAP_CRITICAL_FREE (3)\n' +
      'percent of space or inodes, a restore that was cut off, containers left paused, stopped or frozen, or that\n' +
      'failed after a restore. A warning: the last run failed or is flagged, less than SNAP_WARN_FREE (10) percent,\n' +
      'a damaged snapshot or one of the future, a volume without files. It starts no container.',
  ],
  positionals: [],
  options: {
    check: {
      type: 'boolean',
      describe: 'for monitoring: one line, and the exit code is the verdict',
    },
  },
  recover(error, { options, json, terminal }) {
    if (options['check'] !== true || error instanceof InterruptedError) return undefined
    // what cannot be asked is not well
    const message = messageOf(error)
    const health = {
      level: 'critical',
      findings: [{ level: 'critical', code: 'unknown', message }],
    }
    terminal.stdout.write(
      json ? `${JSON.stringify({ schema: 1, health })}\n` : `critical: ${printable(message)}\n`,
    )
    return checkCodes.critical
  },
  async run(input) {
    const { options, json, terminal, clock } = input
    const { openStoreOnly } = await import('../open-context.ts')
    const { contextOfProcess } = await import('../../actions/context.ts')
    const { describeStatus } = await import('../../actions/report/status.ts')
    const { formatHealth } = await import('../../actions/report/health.ts')
    const { formatStatus } = await import('../render/status.ts')

    const { store, settings } = openStoreOnly(input)
    const now = clock.now()

    // it looks, and starts nobody
    const { docker } = contextOfProcess(settings, input.environment)
    const status = await describeStatus(store, settings, now, docker)
    const isCheck = options['check'] === true
    if (json) terminal.stdout.write(`${JSON.stringify(status)}\n`)
    else {
      terminal.stdout.write(
        isCheck ? `${formatHealth(status.health)}\n` : formatStatus(status, now),
      )
    }

    return isCheck ? checkCodes[status.health.level] : exitCodes.done
  },
}
