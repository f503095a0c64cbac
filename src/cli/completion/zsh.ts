import type { Command, Option, Positional } from '../command.ts'
import { commonOptions } from '../help.ts'
import { listLabels, listSnapshots } from './snapshots.ts'

/** The script of zshcompsys(1), to be a file of $fpath or to be sourced. */
export function formatZshCompletion(
  commands: readonly Command[],
  aliases: ReadonlyMap<string, string>,
): string {
  const summaries = new Map(commands.map(({ name, summary }) => [name, summary]))
  const described = [...summaries].map(([name, summary]) => `${name}:${escaped(summary, /\\/g)}`)
  const specs = [...aliases].map(([alias, name]) => `(- *)${alias}${note(summaries.get(name))}`)

  return `#compdef snap-volume
# Completion of snap-volume for zsh: "snap-volume completion --help" says where it goes.

_snap-volume_snapshots() {
  local -a names
  names=(latest)
  # only where a name can be meant, because it takes as long as a command
  if [[ -z $PREFIX || $PREFIX == @* ]]; then
    names+=(\${(f)"$(${listSnapshots})"})
  fi
  compadd "$@" -a names
}

_snap-volume_labels() {
  local -a labels
  labels=(\${(f)"$(${listLabels})"})
  compadd "$@" -a labels
}

_snap-volume() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a commands
  commands=(
    ${described.map(quoted).join('\n    ')}
  )

  _arguments -C \\
    ${[...specs, '1: :->command', '*:: :->words'].map(quoted).join(' \\\n    ')}

  case $state in
    command) _describe -t commands command commands ;;
    words)
      case $words[1] in
${commands.map((command) => formatCase(command, [...summaries.keys()])).join('\n')}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _snap-volume ]]; then
  _snap-volume "$@"
else
  compdef _snap-volume snap-volume
fi
`
}

function formatCase({ name, positionals, options }: Command, names: readonly string[]): string {
  const specs = [
    ...Object.entries({ ...options, ...commonOptions }).flatMap(formatOption),
    ...positionals.map((positional, index) => formatPositional(positional, index + 1, names)),
  ]
  return [
    `        ${quoted(name)})`,
    `          _arguments -s \\\n            ${specs.map(quoted).join(' \\\n            ')}`,
    '          ;;',
  ].join('\n')
}

/** A spec for each of its forms; one that was given is not offered again, but for lists. */
function formatOption([name, option]: [string, Option]): string[] {
  const { type, alias, value, describe, offers } = option
  const forms = [`--${name}`, ...(alias === undefined ? [] : [`-${alias}`])]
  const before = type === 'array' ? '*' : `(${forms.join(' ')})`
  const after = type === 'boolean' ? '' : `${message(value)}:${actionOf(offers, [])}`
  return forms.map((form) => `${before}${form}${note(describe)}${after}`)
}

function formatPositional(
  { describe, many, offers }: Positional,
  place: number,
  names: readonly string[],
): string {
  return `${many === true ? '*' : place}${message(describe)}:${actionOf(offers, names)}`
}

function actionOf(offers: Positional['offers'], names: readonly string[]): string {
  if (offers === undefined) return ' '
  if (offers === 'snapshots') return '_snap-volume_snapshots'
  if (offers === 'labels') return '_snap-volume_labels'
  if (offers === 'paths') return '_files'
  return `(${(offers === 'commands' ? names : offers).join(' ')})`
}

function note(text = ''): string {
  return `[${escaped(text, /[\\[\]]/g)}]`
}

function message(text = ''): string {
  return `:${escaped(text, /[\\:]/g)}`
}

function escaped(text: string, special: RegExp): string {
  return text.replaceAll(special, String.raw`\$&`)
}

/** One word, in which zsh expands nothing. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
