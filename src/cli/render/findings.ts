import type { DoctorFinding } from '../../actions/doctor/finding.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'

const width = 16

/** One line a finding, and below it what to do. */
export function formatFindings(findings: readonly DoctorFinding[]): string {
  const lines = findings.flatMap(({ level, subject, message, fix }) => [
    `${level.padEnd(9)}${printable(subject).padEnd(width)}  ${printable(message)}`,
    ...(fix === undefined ? [] : [`${' '.repeat(9 + width)}  -> ${printable(fix)}`]),
  ])
  return `${[...lines, '', summarize(findings)].join('\n')}\n`
}

function summarize(findings: readonly DoctorFinding[]): string {
  const count = (level: DoctorFinding['level']): number =>
    findings.filter((finding) => finding.level === level).length
  const problems = counted(count('problem'), '{problem|problems}')
  return `${problems}, ${counted(count('note'), '{note|notes}')}, ${count('ok')} ok`
}
