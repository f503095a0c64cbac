import { type VariableDescription, describeVariables } from '../config/settings.ts'
import { programVersion } from '../system/version.ts'
import type { Command, Option } from './command.ts'
import { commonOptions, formatOption, formatPositional, formatUsage } from './help.ts'
import { overview } from './overview.ts'
import { roffText } from './roff.ts'

interface ManPage {
  commands: readonly Command[]
  variables: readonly VariableDescription[]
  version: string
}

/** The page of this program, snap-volume(1). */
export function manPage(commands: readonly Command[]): string {
  return formatManPage({ commands, variables: describeVariables(), version: programVersion })
}

/** The page of a program with these commands and variables, in the macros of man(7). */
export function formatManPage({ commands, variables, version }: ManPage): string {
  return [
    // without a date: the version says how old it is, and a page of the same source is the same
    `.TH SNAP\\-VOLUME 1 "" "snap\\-volume ${roffText(version)}" "User Commands"`,
    // names and commands are copied from it: neither hyphenated nor spread
    '.nh',
    '.ad l',
    '.SH NAME',
    `snap\\-volume \\- ${roffText(overview.summary)}`,
    '.SH SYNOPSIS',
    '.nf',
    ...commands.map((command) => bold(`snap-volume ${formatUsage(command)} [options]`)),
    '.fi',
    '.SH DESCRIPTION',
    'A sidecar container owns the data volumes of an application and takes snapshots of them, which are plain',
    'directories. Files that did not change are hard links to the snapshot before.',
    ...paragraph(overview.references),
    '.SH COMMANDS',
    ...commands.flatMap(formatCommand),
    '.SH OPTIONS',
    'Every command has these.',
    ...formatOptions(commonOptions),
    '.SH ENVIRONMENT',
    roffText('Each can be given as NAME_FILE too, which names a file with the value.'),
    ...variables.flatMap(formatVariable),
    '.SH EXIT STATUS',
    ...overview.exitCodes.flatMap(([code, meaning]) => tagged(String(code), meaning)),
    '.SH EXAMPLES',
    ...asItStands(overview.examples.join('\n')),
    '',
  ].join('\n')
}

function formatCommand(command: Command): string[] {
  const { summary, details = [], positionals, options, examples } = command
  return [
    `.SS "snap\\-volume ${roffText(formatUsage(command))}"`,
    roffText(summary),
    ...details.flatMap(paragraph),
    ...positionals.flatMap((positional) =>
      tagged(formatPositional(positional), positional.describe),
    ),
    ...formatOptions(options),
    '.PP',
    'Examples:',
    ...examples.flatMap(([line, does]) => tagged(`snap-volume ${line}`, does)),
  ]
}

function formatOptions(options: Readonly<Record<string, Option>>): string[] {
  return Object.entries(options).flatMap(([name, option]) =>
    tagged(formatOption(name, option), option.describe),
  )
}

function formatVariable({ name, describe, fallback }: VariableDescription): string[] {
  return tagged(name, fallback === undefined ? describe : `${describe}; default: ${fallback}`)
}

/** Indented lines are code. */
function paragraph(text: string): string[] {
  return text.startsWith(' ') ? ['.PP', ...asItStands(text)] : ['.PP', filled(text)]
}

function asItStands(text: string): string[] {
  return ['.nf', roffText(text), '.fi']
}

function tagged(tag: string, text: string): string[] {
  return ['.TP', bold(tag), filled(text)]
}

function filled(text: string): string {
  return roffText(text.replaceAll('\n', ' '))
}

function bold(text: string): string {
  return `.B "${roffText(text)}"`
}
