import { UsageError, exitCodes } from '../../errors.ts'
import type { Command, CommandInput } from '../command.ts'
import { parseKeys, parseLabels } from '../labels.ts'

export const annotateCommand: Command = {
  name: 'annotate',
  summary: 'change the comment, the pin or the labels of a snapshot',
  examples: [
    ['annotate latest -m "before the upgrade"', 'give it this comment; "" takes the comment away'],
    ['annotate latest --pin', 'retention never removes it; --unpin takes that back'],
    ['annotate latest --label ticket=4711', 'give it a label, or another value'],
    ['annotate latest --unlabel ticket', 'take the label away'],
  ],
  details: ['The data are not touched, and whatever is not named stays as it is.'],
  positionals: [{ name: 'snapshot', describe: 'which one', required: true, offers: 'snapshots' }],
  options: {
    message: { type: 'string', alias: 'm', value: 'TEXT', describe: 'the comment' },
    pin: { type: 'boolean', describe: 'never prune it' },
    unpin: { type: 'boolean', describe: 'let retention decide again' },
    label: { type: 'array', value: 'KEY=VALUE', describe: 'a label; may be given several times' },
    unlabel: { type: 'array', value: 'KEY', describe: 'a label that goes; likewise' },
  },
  async run(input) {
    const { json, terminal } = input
    const reference = String(input.options['snapshot'])
    const annotations = parseAnnotations(input.options)
    const { openContext } = await import('../open-context.ts')
    const { annotate } = await import('../../actions/store/annotate.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatAnnotations } = await import('../render/snapshot.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const record = await annotate(context, reference, annotations)
      printer.result({ type: 'result', snapshot: record }, formatAnnotations(record))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}

function parseAnnotations(options: CommandInput['options']) {
  const { message, pin, unpin } = options
  if (pin === true && unpin === true) {
    throw new UsageError('--pin and --unpin say the contrary', { fix: 'name one of them' })
  }

  const labels = parseLabels(options['label'])
  const unlabel = parseKeys(options['unlabel'])
  const pinned = pin === true ? true : unpin === true ? false : undefined
  const comment = typeof message === 'string' ? message : undefined
  const isNothing = comment === undefined && pinned === undefined
  if (isNothing && Object.keys(labels).length + unlabel.length === 0) {
    throw new UsageError('nothing is to be changed', {
      fix: 'name -m, --pin, --unpin, --label or --unlabel',
    })
  }

  return { comment, pinned, labels, unlabel }
}
