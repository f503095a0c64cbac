import type { Command, Option, Positional } from './command.ts'
import { overview } from './overview.ts'

const width = 26

/** The help of the whole program: examples first. */
export function formatHelp(commands: readonly Command[]): string {
  return [
    `snap-volume: ${overview.summary}`,
    '',
    'Examples:',
    ...overview.examples.map((line) => `  ${line}`),
    '',
    'Commands:',
    ...commands.map((command) => row(formatUsage(command), command.summary)),
    '',
    'Every command has --help, with examples, and --json.',
    '',
    overview.references,
    '',
    'Environment: SNAP_MAX, SNAP_KEEP_LAST, SNAP_KEEP_HOURLY, SNAP_KEEP_DAILY, SNAP_KEEP_WEEKLY,',
    'SNAP_KEEP_MONTHLY, SNAP_KEEP_YEARLY, SNAP_KEEP_WITHIN, SNAP_PRUNE, SNAP_MIN_FREE,',
    'SNAP_CRON, SNAP_CHECKSUM_CRON, SNAP_VERIFY_NEW, SNAP_VERIFY_CRON, SNAP_VERIFY_SAMPLE,',
    'SNAP_PROVE_CRON, SNAP_PROVE_TIMEOUT, SNAP_CHANGE_LIMIT, SNAP_TZ,',
    'SNAP_DIR, SNAP_ACCEPT_STORE, SNAP_ENGINE, SNAP_EXCLUDE, SNAP_ON_UNREADABLE, SNAP_ON_START,',
    'SNAP_CATCH_UP, SNAP_QUIESCE, SNAP_PRE_SNAPSHOT, SNAP_POST_SNAPSHOT, SNAP_PRE_RESTORE,',
    'SNAP_POST_RESTORE, SNAP_HOOK_TIMEOUT, SNAP_STALE_AFTER, SNAP_WARN_FREE, SNAP_CRITICAL_FREE,',
    'SNAP_NOTIFY_URL, SNAP_NOTIFY_TEMPLATE, SNAP_TOKEN, SNAP_LISTEN, SNAP_METRICS_PUBLIC, SNAP_HOST,',
    'SNAP_LOCK_TIMEOUT, SNAP_LOG_LEVEL; each also as NAME_FILE;',
    'DOCKER_HOST. See README.md.',
    '',
    `Exit codes: ${overview.exitCodes.map((pair) => pair.join(' ')).join('; ')}`,
    '',
  ].join('\n')
}

/** The help of one command: its examples first. */
export function formatCommandHelp(command: Command): string {
  const { name, summary, examples, details = [], positionals, options } = command
  return [
    `snap-volume ${name}: ${summary}`,
    '',
    'Examples:',
    ...examples.flatMap(([line, does]) => [`  snap-volume ${line}`, `      ${does}`]),
    '',
    `Usage: snap-volume ${formatUsage(command)} [options]`,
    '',
    ...details.flatMap((paragraph) => [paragraph, '']),
    ...positionals.map((positional) => row(formatPositional(positional), positional.describe)),
    ...Object.entries({ ...options, ...commonOptions }).map(([optionName, option]) =>
      row(formatOption(optionName, option), option.describe),
    ),
    '',
  ].join('\n')
}

/** Options that every command has. */
export const commonOptions: Readonly<Record<string, Option>> = {
  json: { type: 'boolean', describe: 'print JSON, one document or one line an event' },
  help: { type: 'boolean', alias: 'h', describe: 'this help' },
}

/** The command and its arguments. */
export function formatUsage({ name, positionals }: Command): string {
  return [name, ...positionals.map(formatPositional)].join(' ')
}

export function formatPositional({ name, required, many, behindDashes }: Positional): string {
  const before = behindDashes === true ? '-- ' : ''
  const word = `${before}${name.toUpperCase()}${many === true ? ' ...' : ''}`
  return required ? word : `[${word}]`
}

export function formatOption(name: string, { alias, value }: Option): string {
  return `${alias === undefined ? '' : `-${alias}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}

function row(left: string, right: string): string {
  return left.length < width - 2
    ? `  ${left.padEnd(width - 2)}${right}`
    : `  ${left}\n${' '.repeat(width)}${right}`
}
