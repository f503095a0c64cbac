import { UsageError } from '../errors.ts'
import type { Command, CommandInput, Option } from './command.ts'
import { commands } from './commands/index.ts'
import { chooseCommand } from './find-command.ts'
import { commonOptions } from './help.ts'
import { listOf } from './option-values.ts'

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
  const end = words.includes('--') ? words.indexOf('--') : words.length
  const before = words.slice(0, end)
  await assertDeclared(name, declared, before)

  const inFront = positionals.filter(({ behindDashes }) => behindDashes !== true)
  const grammar = inFront.map((positional) => {
    return `[${positional.name}${positional.many === true ? '..' : ''}]`
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

  const marked = before.map((word) => (word === '-' ? markedDash : word))
  const parsed = withoutMarks(await parser.parseAsync(marked))
  assertOnce(name, declared, parsed)
  const all = takeBehindDashes(command, parsed, words.slice(end + 1))
  const isMissing = positionals.some(({ name: one, many, required }) => {
    return required && (many === true ? listOf(all[one]).length === 0 : all[one] === undefined)
  })
  if (isMissing) throw wrongWords(name, 'an argument is missing')
  return all
}

/** yargs loses a dash that stands alone in a list of arguments. */
const markedDash = '\u0000-'

function unmark(value: unknown): unknown {
  return value === markedDash ? '-' : value
}

function withoutMarks(parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parsed).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map(unmark) : unmark(value),
    ]),
  )
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
  for (const word of words) {
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

/**
 * Gives the words behind `--` to what takes no others, or to what is left without one: they may
 * begin with a dash.
 */
function takeBehindDashes(
  { name, positionals }: Command,
  parsed: Readonly<Record<string, unknown>>,
  words: readonly string[],
): Readonly<Record<string, unknown>> {
  const own = positionals.filter(({ behindDashes }) => behindDashes === true)
  const all: Record<string, unknown> = { ...parsed }
  for (const [index, word] of words.entries()) {
    const taker = (own.length > 0 ? own : positionals).find(
      (one) => one.many === true || all[one.name] === undefined,
    )
    if (taker === undefined) throw wrongWords(name, `unknown: ${words.slice(index).join(', ')}`)
    all[taker.name] = taker.many === true ? [...listOf(all[taker.name]), word] : word
  }
  return all
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
  return first.replace(/^Unknown arguments?: /, 'unknown: ')
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
