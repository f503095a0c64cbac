import { OperationError, messageOf } from '../../errors.ts'

/** What `doctor` found out about one thing. */
export interface DoctorFinding {
  /** `note`: it works, and could be better. */
  level: 'ok' | 'note' | 'problem'
  /** What was looked at, such as `rsync` or `volume mysql`. */
  subject: string
  message: string
  /** What to do about it; missing where nothing needs doing. */
  fix?: string
}

export const ok = (subject: string, message: string): DoctorFinding => ({
  level: 'ok',
  subject,
  message,
})

export const note = (subject: string, message: string, fix: string): DoctorFinding => ({
  level: 'note',
  subject,
  message,
  fix,
})

export const problem = (subject: string, message: string, fix: string): DoctorFinding => ({
  level: 'problem',
  subject,
  message,
  fix,
})

/** A problem from what was thrown, with its own fix where it has one. */
export function problemOf(subject: string, error: unknown): DoctorFinding {
  return error instanceof OperationError
    ? problem(subject, error.problem, error.fix ?? whereElseToLook)
    : problem(subject, messageOf(error), whereElseToLook)
}

const whereElseToLook = "look at the kernel's log (dmesg) and the mount, and run as root"
