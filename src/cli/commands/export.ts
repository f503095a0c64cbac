import { UsageError, exitCodes } from '../../errors.ts'
import type { Command, CommandInput } from '../command.ts'
import { assertContentsHere } from '../contents-here.ts'
import { listOf, parseCount } from '../option-values.ts'

export const exportCommand: Command = {
  name: 'export',
  summary: 'write a snapshot, or what changed since one, to archives that need no snap-volume',
  examples: [
    ['export latest -o /backup', 'an archive of each volume'],
    ['export latest --since latest~1 -o /backup', 'only what changed'],
    ['export latest --full-every 30 -o /backup', 'what changed since the newest archive there'],
    ['export latest --volume mysql -o -', 'to standard output, for ssh'],
  ],
  details: [
    'Beside ID_20261120T030000Z_Full.tar.zst are its SHA-256, a list of what changed, and restore.sh, which\n' +
      'rebuilds the data with tar, zstd and xdelta3 alone. An increment, without _Full, needs the archive that it\n' +
      'was made since, and those before it. The way back is import, or sh restore.sh ARCHIVE ... TARGET.',
    'No file is replaced, and nothing that is not complete is visible. What the archives hold is readable by\n' +
      'root alone.',
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'the snapshot to export; see "snap-volume show"',
      required: true,
      offers: 'snapshots',
    },
  ],
  options: {
    output: {
      type: 'string',
      alias: 'o',
      value: 'DIR',
      describe: 'write it there, by default to the current directory; - is standard output',
      offers: 'paths',
    },
    since: {
      type: 'string',
      value: 'BASE',
      describe: 'only what changed since this snapshot',
      offers: 'snapshots',
    },
    'full-every': {
      type: 'string',
      value: 'N',
      describe: 'continue the chain in DIR, and begin anew when it has N archives',
    },
    volume: {
      type: 'array',
      value: 'ID',
      describe: 'only this volume; may be given several times',
    },
  },
  async run(input) {
    assertContentsHere(input)
    const { json, terminal } = input
    const options = parseExport(input)
    const toStream = typeof options.output !== 'string'
    const { openContext } = await import('../open-context.ts')
    const { exportSnapshot } = await import('../../actions/archives/export.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatExported } = await import('../render/archives.ts')

    // standard output has the archive
    const shown = toStream ? { ...terminal, stdout: terminal.stderr } : terminal
    const printer = await createEventPrinter(shown, json)
    try {
      const context = await openContext(input, printer.emit)
      const { notes: _, ...result } = await exportSnapshot(context, options)
      printer.result({ type: 'result', ...result }, formatExported(result))
      return result.warnings.length === 0 ? exitCodes.done : exitCodes.warnings
    } finally {
      printer.end()
    }
  },
}

function parseExport({ options, terminal }: CommandInput) {
  const { snapshot, since } = options
  const output = typeof options['output'] === 'string' ? options['output'] : '.'
  const fullEvery = parseCount('--full-every', options['full-every'])
  if (output === '') {
    throw new UsageError('-o names no directory', { fix: 'write -o DIR, or -o - for a stream' })
  }
  if (output === '-' && terminal.stdout.isTTY) {
    throw new UsageError('an archive is not written to a terminal', {
      fix: 'name a directory with -o, or lead standard output into a file or a program',
    })
  }
  if (output === '-' && fullEvery !== undefined) {
    throw new UsageError('--full-every goes on with archives in a directory', {
      fix: 'name it with -o, or say --since',
    })
  }

  return {
    reference: String(snapshot),
    since: typeof since === 'string' ? since : undefined,
    fullEvery,
    volumes: listOf(options['volume']),
    output: output === '-' ? terminal.stdout : output,
  }
}
