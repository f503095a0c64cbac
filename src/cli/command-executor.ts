import type { BesideWork } from '../actions/context.ts'
import type { Environment } from '../config/variables.ts'
import type { CommandExecutor, Parameter } from '../remote/executor.ts'
import type { Clock } from '../system/clock.ts'
import type { Command } from './command.ts'
import { reportError } from './report-error.ts'

/** The commands as the daemon runs them for its clients, with its own environment. */
export function createExecutor(
  commands: readonly Command[],
  environment: Environment,
  clock: Clock,
  beside: BesideWork,
): CommandExecutor {
  const offered = commands.filter(({ isLocal }) => isLocal !== true)
  return {
    commands: offered.map((command) => ({
      name: command.name,
      summary: command.summary,
      parameters: parametersOf(command),
    })),
    async execute(name, options, terminal, signal) {
      const json = options['json'] === true
      const input = { options, json, commands, terminal, environment, clock, signal, beside }
      const command = offered.find((candidate) => candidate.name === name)
      try {
        if (command === undefined) throw new Error(`${name} is not offered`)
        return await command.run(input)
      } catch (error) {
        const exitCode = command?.recover?.(error, input)
        if (exitCode !== undefined) return exitCode
        return reportError(error, terminal, {
          json,
          debug: environment['SNAP_LOG_LEVEL'] === 'debug',
        })
      }
    },
  }
}

function parametersOf({ positionals, options }: Command): Parameter[] {
  return [
    ...positionals.map(({ name, describe, required, many }): Parameter => {
      return { name, type: many === true ? 'array' : 'string', required, describe }
    }),
    ...Object.entries(options).map(([name, { type, describe }]): Parameter => {
      return { name, type, required: false, describe }
    }),
    { name: 'json', type: 'boolean', required: false, describe: 'print JSON for a terminal too' },
  ]
}
