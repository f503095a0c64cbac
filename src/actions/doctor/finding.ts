import { messageOf } from '../../errors.ts'

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

/** A problem from an error of this program, which says after a colon what to do. */
export function problemOf(subject: string, error: unknown): DoctorFinding {
  const message = messageOf(error)
  const at = message.lastIndexOf(': ')
  return at === -1
    ? problem(subject, message, 'see the documentation')
    : problem(subject, message.slice(0, at), message.slice(at + 2))
}
