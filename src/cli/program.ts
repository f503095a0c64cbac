import { UsageError } from '../errors.ts'
import type { Command, CommandInput, Option } from './command.ts'
import { commands } from './commands/index.ts'
import { chooseCommand } from './find-command.ts'
import { commonOptions } from './help.ts'

/**
 * Runs the command that `words` name and returns its exit code.
 * Throws UsageError for words that no command has.
 */
export async function runProgram(
  words: readonly string[],
  input: Omit<CommandInput, 'options' | 'json' | 'commands'>,
): Promise<number> {
  const [name = 'help', ...rest] = words
  const command = await chooseCommand(commands, name)
  if (asksForHelp(rest) && command.name !== 'help') {
    const options = { command: command.name }
    const help = await chooseCommand(commands, 'help')
    return help.run({ ...input, commands, options, json: rest.includes('--json') })
  }

  // the parser costs more time than the whole of help
  const options =
    command.name === 'help'
      ? {
          command: rest.find((word) => !word.startsWith('-')),
          json: rest.includes('--json'),
          man: rest.includes('--man'),
        }
      : rest.length === 0 && command.positionals.length === 0
        ? {}
        : await parseWords(command, rest)

  const commandInput = { ...input, commands, options, json: options['json'] === true }
  try {
    return await runWhereItBelongs(command, commandInput)
  } catch (error) {
    const exitCode = command.recover?.(error, commandInput)
    if (exitCode === undefined) throw error
    return exitCode
  }
}

/** Here, or by the daemon that is told of or linked. */
async function runWhereItBelongs(command: Command, input: CommandInput): Promise<number> {
  if (command.isLocal === true) return command.run(input)
  const { findDaemon } = await import('./find-daemon.ts')
  const daemon = await findDaemon(input.environment)
  if (daemon === undefined) return command.run(input)

  const { runRemotely } = await import('../remote/client.ts')
  const options = onlyOwn(command, input.options)
  return runRemotely(daemon, { ...input, command: command.name, options })
}

/** Without what the parser adds: other spellings of the same, and what was not said. */
function onlyOwn(
  { positionals, options }: Command,
  parsed: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const own = ['json', ...positionals.map(({ name }) => name), ...Object.keys(options)]
  return Object.fromEntries(
    own.flatMap((name) => (parsed[name] === undefined ? [] : [[name, parsed[name]]])),
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
  const declared = { ...command.options, ...commonOptions }
  await assertDeclared(name, declared, words)

  const inFront = positionals.filter(({ behindDashes }) => behindDashes !== true)
  const grammar = inFront.map((positional) => {
    const word = `${positional.name}${positional.many === true ? '..' : ''}`
    return positional.required ? `<${word}>` : `[${word}]`
  })
  const parser = yargs()
    .locale('en')
    .help(false)
    .version(false)
    .exitProcess(false)
    .strict()
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      // or --no-delete would be the contrary of --delete
      'boolean-negation': false,
    })
    // the command without a name: after one with a name yargs renders its help for nothing
    .command([['$0', ...grammar].join(' ')], '', (builder) => {
      for (const positional of inFront) {
        builder.positional(positional.name, { type: 'string', array: positional.many === true })
      }
      return builder.options(yargsOptions(declared))
    })
    .fail((message: string, error: Error | undefined) => {
      throw wrongWords(name, describe(message ?? error?.message))
    })

  const parsed: Readonly<Record<string, unknown>> = await parser.parseAsync([...words])
  assertOnce(name, declared, parsed)
  return takeBehindDashes(command, parsed)
}

/**
 * Refuses what yargs takes for a switch that is off or for nothing at all: `--dry-run=yes`,
 * `-y=no`, `--dry-run.x`, `--no-volume`, and options of its own.
 */
async function assertDeclared(
  name: string,
  declared: Readonly<Record<string, Option>>,
  words: readonly string[],
): Promise<void> {
  const end = words.indexOf('--')
  for (const word of words.slice(0, end === -1 ? undefined : end)) {
    const [, long, short, value] = /^(?:--([^=]+)|-([A-Za-z]+)(?![A-Za-z]))(.*)$/s.exec(word) ?? []
    const option =
      long === undefined
        ? Object.values(declared).find(
            ({ alias }) => alias !== undefined && alias === short?.at(-1),
          )
        : Object.hasOwn(declared, long)
          ? declared[long]
          : undefined
    if (long !== undefined && option === undefined) {
      const { nearestOf } = await import('../system/nearest.ts')
      throw wrongWords(name, `unknown: ${long}`, nearestOf(long, Object.keys(declared)))
    }
    if (option?.type === 'boolean' && value !== '') {
      throw wrongWords(name, `${word} has a value, and is a switch`)
    }
  }
}

/** yargs makes a list of a text given twice. */
function assertOnce(
  name: string,
  declared: Readonly<Record<string, Option>>,
  parsed: Readonly<Record<string, unknown>>,
): void {
  for (const [option, { type }] of Object.entries(declared)) {
    if (type === 'string' && Array.isArray(parsed[option])) {
      throw wrongWords(name, `--${option} is given twice`)
    }
  }
}

/** yargs leaves words behind `--` aside. */
function takeBehindDashes(
  { name, positionals }: Command,
  parsed: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const [word, ...others] = Array.isArray(parsed['_']) ? parsed['_'].map(String) : []
  if (word === undefined) return parsed
  const taker = positionals.find(({ behindDashes }) => behindDashes === true)
  if (taker !== undefined && others.length === 0) return { ...parsed, [taker.name]: word }
  throw wrongWords(name, `unknown: ${[word, ...others].join(', ')}`)
}

function wrongWords(name: string, what: string, nearest?: string): UsageError {
  const help = `see "snap-volume ${name} --help"`
  return new UsageError(what, {
    fix: nearest === undefined ? help : `did you mean --${nearest}? If not, ${help}`,
  })
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
