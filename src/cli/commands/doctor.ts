import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'what this host and store can do, and each problem with its fix',
  examples: [
    [
      'doctor',
      'programs, capabilities, store, volumes, clock, Docker API, containers that use the data',
    ],
    ['doctor --json', 'for programs'],
  ],
  details: ['Exit code 0, or 3 when there are problems.'],
  positionals: [],
  options: {},
  async run(input) {
    const { json, terminal, environment, clock } = input
    const { readSettings } = await import('../../config/settings.ts')
    const { resumeLeft } = await import('../open-context.ts')
    await resumeLeft(input)
    const { diagnose } = await import('../../actions/doctor/diagnose.ts')

    const findings = await diagnose(readSettings(environment), environment, clock.now())
    if (json) terminal.stdout.write(`${JSON.stringify({ schema: 1, findings })}\n`)
    else {
      const { formatFindings } = await import('../render/findings.ts')
      terminal.stdout.write(formatFindings(findings))
    }

    const isWell = findings.every(({ level }) => level !== 'problem')
    return isWell ? exitCodes.done : exitCodes.warnings
  },
}
