import { commands } from '../commands/index.ts'
import { commandAliases } from '../find-command.ts'
import { formatBashCompletion } from './bash.ts'
import { formatZshCompletion } from './zsh.ts'

/** The script for a shell by which it completes this program's words. */
export function completionScript(shell: 'bash' | 'zsh'): string {
  const format = { bash: formatBashCompletion, zsh: formatZshCompletion }[shell]
  return format(commands, commandAliases)
}
