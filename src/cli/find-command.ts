import { UsageError } from '../errors.ts'
import { nearestOf } from '../system/nearest.ts'
import type { Command } from './command.ts'
import { commands } from './commands/index.ts'

/** What people type before they know the commands. */
export const commandAliases: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
])

/** Throws UsageError for any other, with the nearest name, or those that there are. */
export function findCommand(name: string): Command {
  const wanted = commandAliases.get(name) ?? name
  const command = commands.find((candidate) => candidate.name === wanted)
  if (command !== undefined) return command
  const names = commands.map((known) => known.name)
  const nearest = nearestOf(name, [...names, ...commandAliases.keys()])
  throw new UsageError(`there is no command ${JSON.stringify(name)}`, {
    fix: nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${nearest}?`,
  })
}
