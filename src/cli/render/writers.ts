import type { RunningConsumer, Writers } from '../../actions/writers.ts'
import { counted } from '../../system/counted.ts'
import { printable } from '../../system/printable.ts'

/** Who may write data while they are restored, a line each. */
export function formatWriters({ containers, unknown, files }: Writers): string[] {
  return [
    ...containers.map(
      (container) => `container ${printable(container.name)}: ${fateOf(container)}`,
    ),
    ...(unknown === undefined
      ? []
      : [
          `nobody can know who writes the data meanwhile: ${printable(unknown)}`,
          'stop whatever uses them first, and start it afterwards',
        ]),
    ...(files === undefined ? [] : formatFiles(files)),
  ]
}

function fateOf({ state, writes, action }: RunningConsumer): string {
  if (!writes) return `${state}, only reads the data`
  if (action === 'stop') return `${state}, is stopped for the restore and started afterwards`
  if (action === 'pause') return `${state}, is paused for the restore (label snap-volume.restore)`

  return state === 'paused'
    ? 'paused by somebody else, so nothing is restored: stop it'
    : `${state}, and may write meanwhile (label snap-volume.restore=none)`
}

function formatFiles({ asked, open, paths, unknown, why = '' }: NonNullable<Writers['files']>) {
  const lines: string[] = []
  if (open > 0) {
    const more = open > paths.length ? ', ...' : ''
    lines.push(
      `${open} of ${counted(asked, '{file that was|files that were} asked')} ${open === 1 ? 'is' : 'are'} open (${paths.map(printable).join(', ')}${more}): nothing is restored without --force`,
    )
  } else if (unknown < asked) {
    lines.push(
      `none of ${counted(asked - unknown, '{file that was|files that were} asked')} is open now`,
    )
  }

  if (unknown > 0)
    lines.push(`whether ${counted(unknown, '{file is|files are} open')} nobody can know: ${why}`)
  return lines
}
