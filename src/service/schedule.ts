import { type ScheduledTask, createTask as createCronTask, validateDetailed } from 'node-cron'
import { UsageError, messageOf } from '../errors.ts'

export interface Schedule {
  nextRun(): Date | undefined
  stop(): void
}

export interface ScheduleRequest {
  cron: string
  timeZone: string
  onDue: () => void
  /** A time has passed without a run: the host was asleep. */
  onMissed: () => void
}

const silent = { info: ignore, warn: ignore, error: ignore, debug: ignore }

/** Throws UsageError for a cron expression that cannot be run. */
export function assertCron(expression: string): void {
  const { valid, errors } = validateDetailed(expression)
  if (valid) return
  const [first] = errors
  throw new UsageError(
    `SNAP_CRON is ${JSON.stringify(expression)}: ${first?.message ?? 'it is not a cron expression'}; write five fields, such as "0 3 * * *"`,
  )
}

/** crontab(5) runs when either of two restricted day fields fits, node-cron when both do. */
export function restrictsBothDays(expression: string): boolean {
  const [dayOfMonth = '*', , dayOfWeek = '*'] = expression.split(/\s+/).slice(-3)
  return !/^[*?]/.test(dayOfMonth) && !/^[*?]/.test(dayOfWeek)
}

export function startSchedule({ cron, timeZone, onDue, onMissed }: ScheduleRequest): Schedule {
  const task = createTask(cron, timeZone, onDue)
  task.on('execution:missed', onMissed)
  void task.start()
  return {
    nextRun: () => task.getNextRun() ?? undefined,
    stop: () => void task.destroy(),
  }
}

function createTask(cron: string, timeZone: string, onDue: () => void): ScheduledTask {
  try {
    return createCronTask(cron, onDue, {
      timezone: timeZone,
      logger: silent,
      suppressMissedWarning: true,
    })
  } catch (error) {
    throw new UsageError(`SNAP_CRON ${JSON.stringify(cron)} cannot be run: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function ignore(): void {
  // node-cron's own messages are told by the daemon's log
}
