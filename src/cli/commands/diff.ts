import { exitCodes } from '../../errors.ts'
import type { DiffOptions } from '../../actions/inspect/diff.ts'
import type { Command, CommandInput } from '../command.ts'
import { assertContentsHere } from '../contents-here.ts'
import { listOf } from '../option-values.ts'

export const diffCommand: Command = {
  name: 'diff',
  summary: 'what became of the files from a snapshot to another one, or to the live data',
  examples: [
    ['diff latest', 'what changed since the newest snapshot'],
    ['diff latest~7 latest', 'from one snapshot to another'],
    ['diff latest~7 --path /var/lib/mysql/shop', 'of these files only'],
    ['diff latest~7 --stat', 'how many of each kind, and how many bytes'],
    ['diff latest~7 latest -- /etc/app/app.conf', 'the lines of one file'],
  ],
  details: [
    'Kinds: added, deleted, modified (the content), metadata (mode, owner, mtime, acl or xattrs alone), type (a\n' +
      'file became a directory, say), renamed (the same content under another path).',
  ],
  positionals: [
    { name: 'from', describe: 'the older snapshot', required: true, offers: 'snapshots' },
    {
      name: 'to',
      describe: 'the newer one, or "live" for the data as they are now, which is the default',
      required: false,
      offers: 'snapshots',
    },
    { name: 'file', describe: 'the lines of this file', required: false, behindDashes: true },
  ],
  options: {
    volume: {
      type: 'array',
      value: 'ID',
      describe: 'only this volume; may be given several times',
    },
    path: {
      type: 'array',
      value: 'PATH',
      describe: 'only this file or directory, as the application knows it, or as ID:PATH',
      offers: 'paths',
    },
    stat: { type: 'boolean', describe: 'only how many of each kind' },
    changelog: { type: 'boolean', describe: 'lines such as "modified /var/cache/"' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const diffOptions = parseDiff(options)
    const file = typeof options['file'] === 'string' ? options['file'] : undefined
    const { openContext } = await import('../open-context.ts')
    const { diff, findFile } = await import('../../actions/inspect/diff.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { changeLines, describeStat, formatDiffAs } = await import('../render/diff.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      if (file !== undefined) {
        assertContentsHere(input)
        const { formatTextDiff } = await import('../render/text-diff.ts')
        const { document, text } = formatTextDiff(await findFile(context, diffOptions, file))
        printer.result({ type: 'result', ...document }, text)
        return exitCodes.done
      }

      const found = await diff(context, diffOptions)
      const isStat = options['stat'] === true
      if (json && !isStat) for (const line of changeLines(found)) terminal.stdout.write(line)
      printer.result({ type: 'result', ...describeStat(found) }, formatDiffAs(found, options))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}

function parseDiff(options: CommandInput['options']): DiffOptions {
  const { from, to } = options
  return {
    from: String(from),
    to: typeof to === 'string' ? to : 'live',
    volumes: listOf(options['volume']),
    paths: listOf(options['path']),
  }
}
