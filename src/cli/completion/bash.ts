import { shellWord } from '../../system/shell-word.ts'
import type { Command, Option } from '../command.ts'
import { commonOptions } from '../help.ts'
import { listLabels, listSnapshots } from './snapshots.ts'

/** What there is of snapshots, labels and files. */
const whatThereIs = `_snap_volume_snapshots() {
  ${listSnapshots}
}

_snap_volume_labels() {
  ${listLabels}
}

_snap_volume_files() {
  local file
  while read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$1")
}`

/** For options whose values are labels or files, and for files by themselves. */
const valuesThatAreKnown = `  for each in "\${labelled[@]}"; do
    if [[ $each != "$before" ]]; then continue; fi
    while read -r each; do
      if [[ $each == "$word"* ]]; then COMPREPLY+=("$each"); fi
    done < <(_snap_volume_labels)
    return
  done
  for each in "\${pathed[@]}"; do
    if [[ $each == "$before" ]]; then files=only; fi
  done
  if [[ $files == only ]]; then
    _snap_volume_files "$word"
    return
  fi`

/** An at sign is a word by itself to bash (COMP_WORDBREAKS). */
const pathsBehindSnapshots = `  # behind a snapshot come paths
  for ((place = 2; place < COMP_CWORD; place++)); do
    each=\${COMP_WORDS[place]}
    if [[ $each == latest* || $each == *GMT-* ]]; then snapshots=no; fi
  done
  if [[ $files == yes && $snapshots == no && $word != -* && $word != @* ]]; then
    _snap_volume_files "$word"
    return
  fi`

/** The script of bash(1), "Programmable Completion"; also for bash 3.2, which has no mapfile. */
export function formatBashCompletion(
  commands: readonly Command[],
  aliases: ReadonlyMap<string, string>,
): string {
  const names = commands.map(({ name }) => name)
  return `# Completion of snap-volume for bash: "snap-volume completion --help" says where it goes.

${whatThereIs}

_snap_volume() {
  local word=$2 before=$3 each place
  # options, those of them that a value follows, other words that fit here, and what else does
  local options=() valued=() words=() snapshots=no files=no labelled=() pathed=()

  if ((COMP_CWORD == 1)); then
    options=(${wordList([...aliases.keys()])})
    words=(${wordList(names)})
  else
    case \${COMP_WORDS[1]} in
${commands.map((command) => formatCase(command, names)).join('\n')}
    esac
  fi

  COMPREPLY=()
${valuesThatAreKnown}
  # what follows these is anyone's own
  for each in "\${valued[@]}" =; do
    if [[ $each == "$before" ]]; then return; fi
  done
${pathsBehindSnapshots}
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
    if (offer === 'commands') return names
    return offer === 'paths' || offer === 'labels' ? [] : offer
  })
  const labelled = declared.filter(([, option]) => option.offers === 'labels')
  const pathed = declared.filter(([, option]) => option.offers === 'paths')

  return [
    `      ${shellWord(name)})`,
    `        options=(${wordList(declared.flatMap(optionWords))})`,
    ...listOf('valued', valued),
    ...(words.length === 0 ? [] : [`        words=(${wordList(words)})`]),
    ...listOf('labelled', labelled),
    ...listOf('pathed', pathed),
    ...(offers.includes('snapshots') ? ['        snapshots=yes'] : []),
    ...(offers.includes('paths') ? ['        files=yes'] : []),
    '        ;;',
  ].join('\n')
}

function listOf(variable: string, options: readonly (readonly [string, Option])[]): string[] {
  if (options.length === 0) return []
  return [`        ${variable}=(${wordList(options.flatMap(optionWords))})`]
}

function optionWords([name, { alias }]: readonly [string, Option]): string[] {
  return [`--${name}`, ...(alias === undefined ? [] : [`-${alias}`])]
}

function wordList(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}
