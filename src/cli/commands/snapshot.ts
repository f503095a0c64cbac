import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'
import { parseLabels } from '../labels.ts'

export const snapshotCommand: Command = {
  name: 'snapshot',
  summary: 'take one now, of the volumes of the last start',
  examples: [
    ['snapshot', 'take a snapshot and prune to SNAP_MAX'],
    ['snapshot -m "before the upgrade" --pin', 'with a comment, and never pruned'],
    ['snapshot --label ticket=4711', 'with a label'],
    ['snapshot --accept-changes', 'the data are right, although they are others than before'],
    ['snapshot --checksum', 'compare all contents, also where nothing can have changed'],
  ],
  positionals: [],
  options: {
    message: {
      type: 'string',
      alias: 'm',
      value: 'TEXT',
      describe: 'a comment that show displays',
    },
    pin: { type: 'boolean', describe: 'never prune it' },
    label: { type: 'array', value: 'KEY=VALUE', describe: 'a label; may be given several times' },
    'allow-empty': {
      type: 'boolean',
      describe: 'also when a volume is empty or not mounted and was not in the snapshot before',
    },
    'accept-changes': {
      type: 'boolean',
      describe: 'the data are right, although a volume or nearly all of its files are other ones',
    },
    checksum: {
      type: 'boolean',
      describe: 'compare all contents, also where nothing can have changed',
    },
  },
  async run(input) {
    const { options, json, terminal } = input
    const labels = parseLabels(options['label'])
    const { openContext } = await import('../open-context.ts')
    const { takeSnapshot } = await import('../../actions/snapshot/take-snapshot.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { summarizeSnapshot } = await import('../../actions/snapshot/snapshot-summary.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const result = await takeSnapshot(context, {
        kind: 'manual',
        comment: typeof options['message'] === 'string' ? options['message'] : undefined,
        pinned: options['pin'] === true,
        labels,
        allowEmpty: options['allow-empty'] === true,
        acceptChanges: options['accept-changes'] === true,
        checksum: options['checksum'] === true,
      })

      const { record, removed, warnings } = result
      printer.result(
        { type: 'result', snapshot: record, removed },
        `${summarizeSnapshot(result)}\n`,
      )
      return warnings.length === 0 ? exitCodes.done : exitCodes.warnings
    } finally {
      printer.end()
    }
  },
}
