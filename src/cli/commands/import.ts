import { UsageError, exitCodes } from '../../errors.ts'
import type { Command, CommandInput } from '../command.ts'
import { assertContentsHere } from '../contents-here.ts'
import { listOf } from '../option-values.ts'

export const importCommand: Command = {
  name: 'import',
  summary: 'make snapshots of the archives that export wrote',
  examples: [
    ['import /backup/mysql_20261120T030000Z_Full.tar.zst', 'one snapshot'],
    ['import /backup/mysql_*.tar.zst', 'a whole chain, in whatever order'],
    ['import -', 'from standard input: ssh HOST cat ARCHIVE | docker run -i ... import -'],
  ],
  details: [
    'Each snapshot gets the name it had, and appears when it is complete. An increment needs its base, in the\n' +
      'store or among the archives. What is there already, and the same, is passed over.',
    'An archive that is damaged, that does not fit to its base, or that was not made by export is refused. The\n' +
      'next run of retention treats imported snapshots like all others: pin those that are to stay.',
  ],
  positionals: [
    {
      name: 'archives',
      describe: 'the archives, or - for standard input',
      required: true,
      many: true,
      offers: 'paths',
    },
  ],
  options: {
    devices: {
      type: 'boolean',
      describe:
        'also device files, which are refused otherwise: only of archives that are your own',
    },
  },
  async run(input) {
    assertContentsHere(input)
    const { options, json, terminal } = input
    const from = parseArchives(input)
    const { openContext } = await import('../open-context.ts')
    const { importArchives } = await import('../../actions/archives/import.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatImported } = await import('../render/archives.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const allowsDevices = options['devices'] === true
      const result = await importArchives(context, { from, allowsDevices })
      printer.result({ type: 'result', ...result }, formatImported(result))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}

function parseArchives({ options, terminal }: CommandInput) {
  const archives = listOf(options['archives'])
  if (!archives.includes('-')) return archives
  if (archives.length > 1) {
    throw new UsageError('standard input has one archive', {
      fix: 'give - alone, or files alone',
    })
  }
  if (terminal.stdin.isTTY) {
    throw new UsageError('no archive is read from a terminal', {
      fix: 'lead one into it: import - < ARCHIVE, and with docker run say -i',
    })
  }
  return terminal.stdin
}
