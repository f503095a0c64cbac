import { UsageError } from '../errors.ts'
import type { Command } from './command.ts'

/** What people type before they know the commands. */
export const commandAliases: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
])

export function findCommand(commands: readonly Command[], name: string): Command | undefined {
  const wanted = commandAliases.get(name) ?? name
  return commands.find((candidate) => candidate.name === wanted)
}

/**
 * Throws UsageError for a name that there is not, with the nearest one, or those that there are.
 */
export async function chooseCommand(commands: readonly Command[], name: string): Promise<Command> {
  const command = findCommand(commands, name)
  if (command !== undefined) return command

  const { nearestOf } = await import('../system/nearest.ts')
  const names = commands.map((known) => known.name)
  const nearest = nearestOf(name, [...names, ...commandAliases.keys()])
  throw new UsageError(`there is no command ${JSON.stringify(name)}`, {
    fix: nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${nearest}?`,
  })
}
