import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'
import { listOf } from '../option-values.ts'

export const findCommand: Command = {
  name: 'find',
  summary: 'in which snapshots something of a name ever was',
  examples: [
    ['find fruit.ibd', 'wherever it was, also if it is deleted now'],
    ['find "*.conf"', 'all names that the pattern fits'],
    ['find "shop/*.ibd" --volume mysql', 'by its path below the volume'],
    ['find -- -n', 'a name that begins with a dash'],
  ],
  positionals: [{ name: 'name', describe: 'a name, or a pattern of the shell', required: true }],
  options: {
    volume: {
      type: 'array',
      value: 'ID',
      describe: 'only in this volume; may be given several times',
    },
  },
  async run(input) {
    const { options, json, terminal } = input
    const { openContext } = await import('../open-context.ts')
    const { allVolumes, findNames, parseWanted } =
      await import('../../actions/inspect/find-names.ts')
    const { findVolume } = await import('../../actions/find-volume.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { describeFound, formatFound } = await import('../render/history.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const named = listOf(options['volume'])
      const volumes = allVolumes(context)
      const chosen = named.length === 0 ? volumes : named.map((id) => findVolume(volumes, id))
      const found = await findNames(context, chosen, parseWanted(String(options['name'])))
      printer.result(
        { type: 'result', matches: found.map(describeFound) },
        formatFound(found, volumes),
      )
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}
