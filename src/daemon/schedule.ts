import { type ScheduledTask, createTask as createCronTask, validateDetailed } from 'node-cron'
import { UsageError, messageOf } from '../errors.ts'

export interface Schedule {
  nextRun(): Date | undefined
  /** Whether a run is due at some second of that minute. */
  isDueInMinuteOf(time: Date): boolean
  /**
   * To be called now and then: node-cron waits for a time that a clock set back puts far off, and
   * its timers stand still while the host sleeps. Waits anew then, and tells of a run that was due
   * meanwhile. Returns whether the clock was set back.
   */
  followClock(): boolean
  stop(): void
}

export interface ScheduleRequest {
  cron: string
  timeZone: string
  onDue: (time: Date) => void
  /** A time has passed without a run: the host was asleep. */
  onMissed: () => void
}

/** By so much a run may be late for other reasons. */
const lateMs = 60_000

/**
 * A clock that is set back by less than this has the time of the run before soon again, and that is
 * no time for another one.
 */
const smallStepMs = 5 * 60_000

const silent = { info: ignore, warn: ignore, error: ignore, debug: ignore }

/**
 * Throws UsageError for a cron expression that cannot be run, which names the variable it is from.
 */
export function assertCron(variable: string, expression: string): void {
  const { valid, errors } = validateDetailed(expression)
  if (valid) return

  const [first] = errors
  throw new UsageError(`${variable} is ${JSON.stringify(expression)}: ${explain(first)};`, {
    fix: 'write five fields, such as "0 3 * * *"',
  })
}

/** In the words of cron(5): those of the library say "25 is a invalid expression for hour". */
function explain(first: { field: string; value?: string; message: string } | undefined): string {
  if (first === undefined) return 'it is not a cron expression'
  const { field, value = '', message } = first
  const name = fieldNames[field]
  return name === undefined || !message.includes('is a invalid')
    ? message
    : `${JSON.stringify(value)} is not ${name}`
}

const fieldNames: Readonly<Record<string, string>> = {
  second: 'a second',
  minute: 'a minute',
  hour: 'an hour',
  dayOfMonth: 'a day of the month',
  month: 'a month',
  dayOfWeek: 'a day of the week',
}

/** crontab(5) runs when either of two restricted day fields fits, node-cron when both do. */
export function restrictsBothDays(expression: string): boolean {
  const [dayOfMonth = '*', , dayOfWeek = '*'] = expression.split(/\s+/).slice(-3)
  return !/^[*?]/.test(dayOfMonth) && !/^[*?]/.test(dayOfWeek)
}

export function startSchedule({ cron, timeZone, onDue, onMissed }: ScheduleRequest): Schedule {
  let task = begin()
  let waitsFor = upcoming()
  let lastMs = -Infinity

  function begin(): ScheduledTask {
    const begun = createTask(cron, timeZone, (time) => {
      lastMs = Date.now()
      waitsFor = upcoming()
      onDue(time)
    })

    begun.on('execution:missed', () => {
      waitsFor = upcoming()
      onMissed()
    })
    void begun.start()
    return begun
  }

  function upcoming(): Date | undefined {
    return task.getNextRun() ?? undefined
  }

  function nextRun(): Date | undefined {
    const agoMs = Date.now() - lastMs
    return agoMs < 0 && agoMs > -smallStepMs ? waitsFor : upcoming()
  }

  function waitAnew(): void {
    void task.destroy()
    task = begin()
    waitsFor = upcoming()
  }

  return {
    nextRun,
    isDueInMinuteOf: (time) => secondsOfMinute(time).some((second) => task.match(second)),
    followClock() {
      const now = Date.now()
      const next = nextRun()
      if (next === undefined || waitsFor === undefined) return false
      if (now > waitsFor.getTime() + lateMs) {
        waitAnew()
        onMissed()
        return false
      }
      if (next >= waitsFor) return false

      waitAnew()
      return true
    },
    stop: () => void task.destroy(),
  }
}

/** Every time from now to `until` for which `cron` has a run; no more than `most`. */
export function listRuns(cron: string, timeZone: string, until: Date, most: number): Date[] {
  const task = createTask(cron, timeZone, ignore)
  try {
    // node-cron counts them from now each time
    for (let count = 64; ; count *= 4) {
      const runs = task.getNextRuns(Math.min(count, most))
      const last = runs.at(-1)
      const isAll = count >= most || last === undefined || last > until
      if (isAll) return runs.filter((time) => time <= until)
    }
  } finally {
    void task.destroy()
  }
}

function secondsOfMinute(time: Date): Date[] {
  const beginMs = time.getTime() - (time.getTime() % 60_000)
  return Array.from({ length: 60 }, (_, second) => new Date(beginMs + second * 1000))
}

function createTask(cron: string, timeZone: string, onDue: (time: Date) => void): ScheduledTask {
  try {
    return createCronTask(cron, ({ date }) => onDue(date), {
      timezone: timeZone,
      logger: silent,
      suppressMissedWarning: true,
    })
  } catch (error) {
    throw new UsageError(
      `the schedule ${JSON.stringify(cron)} cannot be run: ${messageOf(error)}`,
      {
        cause: error,
      },
    )
  }
}

function ignore(): void {
  // node-cron's own messages are told by the daemon's log
}
