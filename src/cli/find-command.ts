import { UsageError } from '../errors.ts'
import type { Command } from './command.ts'
import { commands } from './commands/index.ts'

/** What people type before they know the commands. */
export const commandAliases: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
])

/** Throws UsageError, with the names there are, for any other. */
export function findCommand(name: string): Command {
  const wanted = commandAliases.get(name) ?? name
  const command = commands.find((candidate) => candidate.name === wanted)
  if (command !== undefined) return command
  throw new UsageError(
    `there is no command ${JSON.stringify(name)}: there are ${commands.map((known) => known.name).join(', ')}`,
  )
}
