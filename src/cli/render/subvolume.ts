import prettyBytes from 'pretty-bytes'
import type { SubvolumePlan } from '../../actions/subvolume/make-subvolume.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'
import { shellWord } from '../../system/shell-word.ts'

/** What would be done to make a subvolume of a directory. */
export function formatSubvolumePlan(plan: SubvolumePlan): string {
  const { volume, path, copy, oldDirectory, isHalfDone, files, bytes } = plan
  const size = `${counted(files, '{file|files}')}, ${prettyBytes(bytes)}`
  const steps = isHalfDone
    ? [
        `${volume}: the exchange of ${path} was cut off and would be finished (${size})`,
        `  compare    ${oldDirectory} and ${copy}, by all contents`,
        `  rename     ${copy} to ${path}; if they differ, ${oldDirectory} back to it`,
      ]
    : [
        `${volume}: ${path} would become a subvolume (${size})`,
        `  create     the subvolume ${copy}`,
        `  copy       ${path} into it, sharing the contents of large files`,
        `  compare    the two, by all contents; if they differ, the copy is removed and that is all`,
        `  rename     ${path} to ${oldDirectory}, which is kept`,
        `  rename     ${copy} to ${path}`,
      ]
  return steps.map((line) => `${printable(line)}\n`).join('')
}

/** What is where now, and what is left to do. */
export function formatSubvolumeMade({ volume, path, oldDirectory }: SubvolumePlan): string {
  return [
    `${volume}: ${path} is a subvolume now; the engine btrfs can take snapshots of it. Start its containers again.`,
    `The old directory is kept as ${oldDirectory}; when all is well, remove it with "rm -r -- ${shellWord(oldDirectory)}".`,
  ]
    .map((line) => `${printable(line)}\n`)
    .join('')
}
