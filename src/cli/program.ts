import { UsageError, exitCodes } from '../errors.ts'
import type { Command, CommandInput, Option } from './command.ts'
import { commands } from './commands/index.ts'
import { commonOptions, formatCommandHelp } from './help.ts'

/**
 * Runs the command that `words` name and returns its exit code.
 * Throws UsageError for words that no command has.
 */
export async function runProgram(
  words: readonly string[],
  input: Omit<CommandInput, 'options' | 'json'>,
): Promise<number> {
  const [name = 'help', ...rest] = words
  const command = findCommand(name)
  if (asksForHelp(rest) && command.name !== 'help') {
    input.terminal.stdout.write(formatCommandHelp(command))
    return exitCodes.done
  }
  // the parser costs more time than the whole of help
  const options =
    command.name === 'help'
      ? { command: rest.find((word) => !word.startsWith('-')), json: rest.includes('--json') }
      : await parseWords(command, rest)
  return command.run({ ...input, options, json: options['json'] === true })
}

export function findCommand(name: string): Command {
  const wanted = ['--help', '-h'].includes(name) ? 'help' : name
  const command = commands.find((candidate) => candidate.name === wanted)
  if (command !== undefined) return command
  throw new UsageError(
    `there is no command ${JSON.stringify(name)}: there are ${commands.map((known) => known.name).join(', ')}`,
  )
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words
    .slice(0, end === -1 ? undefined : end)
    .some((word) => word === '--help' || word === '-h')
}

async function parseWords(
  command: Command,
  words: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const { default: yargs } = await import('yargs')
  const { name, positionals } = command
  const grammar = positionals.map((positional) => {
    const word = `${positional.name}${positional.many === true ? '..' : ''}`
    return positional.required ? `<${word}>` : `[${word}]`
  })
  const parser = yargs()
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .strict()
    .parserConfiguration({ 'parse-numbers': false, 'parse-positional-numbers': false })
    .command([[name, ...grammar].join(' ')], '', (builder) => {
      for (const positional of positionals) {
        builder.positional(positional.name, { type: 'string', array: positional.many === true })
      }
      return builder.options(yargsOptions({ ...command.options, ...commonOptions }))
    })
    .fail((message: string, error: Error | undefined) => {
      throw new UsageError(
        `${describe(message ?? error?.message)}: see "snap-volume ${name} --help"`,
      )
    })
  return parser.parseAsync([name, ...words])
}

/** yargs' own words, on one line. */
function describe(message: string): string {
  const [first = 'wrong words'] = message.split('\n')
  return first
    .replace(/^Not enough non-option arguments.*/, 'an argument is missing')
    .replace(/^Unknown arguments?: /, 'unknown: ')
}

function yargsOptions(options: Readonly<Record<string, Option>>) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, alias }]) => [
      name,
      {
        ...(type === 'array'
          ? { type: 'string' as const, array: true, nargs: 1 }
          : { type, requiresArg: type === 'string' }),
        ...(alias === undefined ? {} : { alias }),
      },
    ]),
  )
}
