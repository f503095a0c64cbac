import { type Schedule, startSchedule } from './schedule.ts'

/** What begins a run: SNAP_CRON, or SNAP_CHECKSUM_CRON, whose runs compare all contents. */
export type ScheduleReason = 'schedule' | 'checksum'

export interface BothSchedules {
  /** Of SNAP_CRON: a success is expected by then, whichever schedule brings it. */
  nextRun(): Date | undefined
  nextChecksumRun(): Date | undefined
  /** As of a Schedule, for both; returns whether the clock was set back for SNAP_CRON. */
  followClock(): boolean
  stop(): void
}

export interface BothSchedulesRequest {
  cron: string
  /** Empty for never. */
  checksumCron: string
  timeZone: string
  onDue: (reason: ScheduleReason) => void
  onMissed: (reason: ScheduleReason) => void
}

/** Where both are due in the same minute, only the run that compares all contents begins. */
export function startBothSchedules(request: BothSchedulesRequest): BothSchedules {
  const { cron, checksumCron, timeZone, onDue, onMissed } = request
  let checksums: Schedule | undefined
  if (checksumCron !== '') {
    checksums = startSchedule({
      cron: checksumCron,
      timeZone,
      onDue: () => onDue('checksum'),
      onMissed: () => onMissed('checksum'),
    })
  }

  const ordinary = startSchedule({
    cron,
    timeZone,
    onDue(time) {
      if (checksums?.isDueInMinuteOf(time) !== true) onDue('schedule')
    },
    onMissed: () => onMissed('schedule'),
  })

  return {
    nextRun: () => ordinary.nextRun(),
    nextChecksumRun: () => checksums?.nextRun(),
    followClock() {
      checksums?.followClock()
      return ordinary.followClock()
    },
    stop() {
      checksums?.stop()
      ordinary.stop()
    },
  }
}
