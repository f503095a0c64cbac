import type { Command, Option, Positional } from './command.ts'

const width = 26

/** The help of the whole program: examples first. */
export function formatHelp(commands: readonly Command[]): string {
  return [
    'snap-volume: snapshots of Docker volumes, taken on a schedule, restored by one command',
    '',
    'Examples:',
    '  docker run -d --name mysql-vol -v /export/data/mysql:/var/lib/mysql \\',
    '    -v /export/.snapshot/mysql:/opt/.snap snap-volume start mysql:/var/lib/mysql',
    '  docker run -d --volumes-from mysql-vol mysql:8',
    '  docker run --rm -t --volumes-from mysql-vol snap-volume show',
    '  docker exec -t mysql-vol snap-volume snapshot -m "before the upgrade"',
    '  docker run --rm -it --volumes-from mysql-vol snap-volume restore latest',
    '  docker run --rm -t --link mysql-vol:snap-volume -e SNAP_TOKEN=... snap-volume status',
    '',
    'Commands:',
    ...commands.map((command) => row(usage(command), command.summary)),
    '',
    'Every command has --help, with examples, and --json.',
    '',
    'A snapshot is named in full, by a beginning that fits one, as latest or latest~2, or by a time',
    '(2026-11-20, 2026-11-20T03:00Z, "2 days ago"), which means the newest at or before it.',
    '',
    'Environment: SNAP_MAX, SNAP_CRON, SNAP_TZ, SNAP_DIR, SNAP_ENGINE, SNAP_ON_START, SNAP_CATCH_UP,',
    'SNAP_QUIESCE, SNAP_PRE_SNAPSHOT, SNAP_POST_SNAPSHOT, SNAP_PRE_RESTORE, SNAP_POST_RESTORE,',
    'SNAP_HOOK_TIMEOUT, SNAP_STALE_AFTER, SNAP_WARN_FREE, SNAP_CRITICAL_FREE, SNAP_NOTIFY_URL,',
    'SNAP_NOTIFY_TEMPLATE, SNAP_TOKEN, SNAP_LISTEN, SNAP_METRICS_OPEN, SNAP_HOST, SNAP_LOCK_TIMEOUT,',
    'SNAP_LOG_LEVEL; each also as NAME_FILE; DOCKER_HOST. See README.md.',
    '',
    'Exit codes: 0 done; 1 failed; 2 usage; 3 done with warnings; 75 the store is busy; 130 interrupted',
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
    `Usage: snap-volume ${usage(command)} [options]`,
    '',
    ...details.flatMap((paragraph) => [paragraph, '']),
    ...positionals.map((positional) => row(shown(positional), positional.describe)),
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

function usage({ name, positionals }: Command): string {
  return [name, ...positionals.map(shown)].join(' ')
}

function shown({ name, required, many }: Positional): string {
  const word = `${name.toUpperCase()}${many === true ? ' ...' : ''}`
  return required ? word : `[${word}]`
}

function formatOption(name: string, { alias, value }: Option): string {
  return `${alias === undefined ? '' : `-${alias}, `}--${name}${value === undefined ? '' : ` ${value}`}`
}

function row(left: string, right: string): string {
  return left.length < width - 2
    ? `  ${left.padEnd(width - 2)}${right}`
    : `  ${left}\n${' '.repeat(width)}${right}`
}
