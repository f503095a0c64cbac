import { exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'

export const proveCommand: Command = {
  name: 'prove',
  summary: 'whether a server starts on a snapshot',
  examples: [
    ['prove', 'start a copy of each server on a clone of the newest snapshot'],
    ['prove @GMT-2026.11.20-03.00.00', 'of this one'],
  ],
  details: [
    'A copy of each container that writes the data is started on clones of them, without a network and without\n' +
      'ports, until its health check and the command of its label snap-volume.prove succeed. The result is in the\n' +
      'record: show has it, and retention prefers a proved snapshot. Copies and clones are removed then.',
    'It takes SNAP_PROVE_TIMEOUT at most for each, and as much of the store as the data. The exit code is 1 when\n' +
      'a copy did not become healthy. SNAP_PROVE_CRON does it on a schedule.',
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'which one; the newest if not given',
      required: false,
      offers: 'snapshots',
    },
  ],
  options: {},
  async run(input) {
    const { options, json, terminal } = input
    const { openContext, openStoreOnly } = await import('../open-context.ts')
    const { prove } = await import('../../actions/prove/prove.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatProved } = await import('../render/proved.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const { settings } = openStoreOnly(input)
      const reference = typeof options['snapshot'] === 'string' ? options['snapshot'] : 'latest'
      const proved = await prove(context, { reference, timeoutMs: settings.proveTimeoutMs })
      printer.result({ type: 'result', ...proved }, formatProved(proved))
      const isProved = proved.proofs.every(({ outcome }) => outcome === 'proved')
      return isProved ? exitCodes.done : exitCodes.failed
    } finally {
      printer.end()
    }
  },
}
