import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'
import { chooseCommand } from '../find-command.ts'
import { formatCommandHelp, formatHelp } from '../help.ts'

export const helpCommand: Command = {
  name: 'help',
  summary: 'this list, or the help of one command; needs no volume',
  examples: [
    ['help', 'what there is'],
    ['help restore', 'how to restore'],
    ['help --man | man -l -', 'all of it as a man page'],
  ],
  isLocal: true,
  positionals: [
    { name: 'command', describe: 'the command to explain', required: false, offers: 'commands' },
  ],
  options: {
    man: { type: 'boolean', describe: 'print the man page of the whole program, in roff' },
  },
  async run({ options, json, commands, terminal }) {
    const { command: name } = options
    const chosen = typeof name === 'string' ? [await chooseCommand(commands, name)] : commands
    if (json) {
      // JSON leaves functions out
      terminal.stdout.write(`${JSON.stringify({ schema: 1, commands: chosen })}\n`)
    } else if (options['man'] === true) {
      const { manPage } = await import('../man-page.ts')
      terminal.stdout.write(manPage(commands))
    } else if (typeof name === 'string') {
      for (const command of chosen) terminal.stdout.write(formatCommandHelp(command))
    } else {
      terminal.stdout.write(formatHelp(commands))
    }

    return exitCodes.done
  },
}
