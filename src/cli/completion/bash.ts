import { shellWord } from '../../system/shell-word.ts'
import type { Command, Option } from '../command.ts'
import { commonOptions } from '../help.ts'
import { listSnapshots } from './snapshots.ts'

/** The script of bash(1), "Programmable Completion"; also for bash 3.2, which has no mapfile. */
export function formatBashCompletion(
  commands: readonly Command[],
  aliases: ReadonlyMap<string, string>,
): string {
  const names = commands.map(({ name }) => name)
  return `# Completion of snap-volume for bash: "snap-volume completion --help" says where it goes.

_snap_volume_snapshots() {
  ${listSnapshots}
}

_snap_volume() {
  local word=$2 before=$3 each
  # options, those of them that a value follows, other words that fit here, and whether snapshots do
  local options=() valued=() words=() snapshots=no

  if ((COMP_CWORD == 1)); then
    options=(${wordList([...aliases.keys()])})
    words=(${wordList(names)})
  else
    case \${COMP_WORDS[1]} in
${commands.map((command) => formatCase(command, names)).join('\n')}
    esac
  fi

  COMPREPLY=()
  # what follows these is anyone's own
  for each in "\${valued[@]}" =; do
    if [[ $each == "$before" ]]; then return; fi
  done
  # only where a name can be meant, because it takes as long as a command
  if [[ $snapshots == yes && ( -z $word || $word == @* ) ]]; then
    while read -r each; do words+=("$each"); done < <(_snap_volume_snapshots)
  fi
  if [[ $word == -* || \${#words[@]} == 0 ]]; then words=("\${options[@]}"); fi
  for each in "\${words[@]}"; do
    if [[ $each == "$word"* ]]; then COMPREPLY+=("$each"); fi
  done
}

complete -F _snap_volume snap-volume
`
}

function formatCase({ name, options, positionals }: Command, names: readonly string[]): string {
  const declared = Object.entries({ ...options, ...commonOptions })
  const valued = declared.filter(([, { type }]) => type !== 'boolean')
  const offers = positionals.flatMap((positional) => positional.offers ?? [])
  const words = offers.flatMap((offer) => {
    if (offer === 'snapshots') return 'latest'
    return offer === 'commands' ? names : offer
  })

  return [
    `      ${shellWord(name)})`,
    `        options=(${wordList(declared.flatMap(optionWords))})`,
    ...(valued.length === 0 ? [] : [`        valued=(${wordList(valued.flatMap(optionWords))})`]),
    ...(words.length === 0 ? [] : [`        words=(${wordList(words)})`]),
    ...(offers.includes('snapshots') ? ['        snapshots=yes'] : []),
    '        ;;',
  ].join('\n')
}

function optionWords([name, { alias }]: readonly [string, Option]): string[] {
  return [`--${name}`, ...(alias === undefined ? [] : [`-${alias}`])]
}

function wordList(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}
