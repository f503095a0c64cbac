import { UsageError, exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'
import { listOf } from '../option-values.ts'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'whether stored files are what they were when they were first read',
  examples: [
    ['verify', 'all snapshots; those that are new are recorded'],
    ['verify latest', 'one of them'],
    ['verify --sample 5%', 'all metadata, and the contents of one file in twenty'],
    ['verify --since "2 days ago"', 'those of the last two days'],
  ],
  details: [
    'It finds bit rot, and whatever somebody wrote into a snapshot: content under the old time, mode, owner, ACL,\n' +
      'attributes, files that were exchanged, added or deleted. What it compares with is what it read the first time,\n' +
      'so run it soon after a snapshot. The exit code is 1 when something is damaged.',
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'only these',
      required: false,
      many: true,
      offers: 'snapshots',
    },
  ],
  options: {
    sample: {
      type: 'string',
      value: 'PERCENT',
      describe: 'read the contents of so many of the files, chosen at random, such as 5%',
    },
    since: { type: 'string', value: 'SNAPSHOT', describe: 'only this one and newer ones' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const verifyOptions = {
      references: listOf(options['snapshot']),
      samplePercent: parsePercent(options['sample']),
      since: typeof options['since'] === 'string' ? options['since'] : undefined,
    }
    const { openContext } = await import('../open-context.ts')
    const { verify } = await import('../../actions/inspect/verify.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { damageLines, describeVerified, formatVerified } = await import('../render/verified.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const verified = await verify(context, verifyOptions)
      if (json) for (const line of damageLines(verified)) terminal.stdout.write(line)
      const text = formatVerified(verified, context.config.volumes)
      printer.result({ type: 'result', ...describeVerified(verified) }, text)
      return verified.damage.length === 0 ? exitCodes.done : exitCodes.failed
    } finally {
      printer.end()
    }
  },
}

function parsePercent(text: unknown): number {
  if (text === undefined) return 100
  if (typeof text === 'string' && /^\d{1,3}(?:\.\d+)?%?$/.test(text)) {
    const percent = Number(text.replace('%', ''))
    if (percent <= 100) return percent
  }
  throw new UsageError(`--sample is ${JSON.stringify(text)}`, { fix: 'write a share, such as 5%' })
}
