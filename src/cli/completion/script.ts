import type { Command } from '../command.ts'
import { commandAliases } from '../find-command.ts'
import { formatBashCompletion } from './bash.ts'
import { formatZshCompletion } from './zsh.ts'

/** The script for a shell by which it completes this program's words. */
export function completionScript(commands: readonly Command[], shell: 'bash' | 'zsh'): string {
  const format = { bash: formatBashCompletion, zsh: formatZshCompletion }[shell]
  return format(commands, commandAliases)
}
