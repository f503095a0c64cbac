import { UsageError, exitCodes } from '../../errors.ts'
import type { Command, CommandInput } from '../command.ts'
import { listOf } from '../option-values.ts'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'whether stored files are what they were when they were first read',
  examples: [
    ['verify', 'all snapshots; those that are new are recorded'],
    ['verify latest', 'one of them'],
    ['verify --sample 5%', 'all metadata, and the contents of one file in twenty'],
    ['verify --since "2 days ago"', 'those of the last two days'],
    ['verify --repair', 'put good copies into the place of what is damaged'],
    ['verify latest~2 --accept', 'what is found in it is right, and is not told again'],
  ],
  details: [
    'It finds bit rot, and whatever somebody wrote into a snapshot: content under the old time, mode, owner, ACL,\n' +
      'attributes, files that were exchanged, added or deleted. What it compares with is what it read the first time,\n' +
      'and the sidecar does that after each snapshot. The exit code is 1 when something is damaged.',
    'A good copy has the digest of what was there: in the live data, or in a snapshot.\n' +
      '--repair writes a damaged file in place, and only what differs, so all snapshots that share it have it back.\n' +
      'For attributes it sets these and writes no content. What is missing is linked or copied.',
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
    new: {
      type: 'boolean',
      describe: 'only record snapshots that are new; the sidecar does it after each one',
    },
    repair: {
      type: 'boolean',
      describe: 'put a good copy into the place of what is damaged, where there is one',
    },
    accept: {
      type: 'boolean',
      describe: 'have what is found in the named snapshots count as right from now on',
    },
  },
  async run(input) {
    const { options, json, terminal } = input
    const verifyOptions = {
      references: listOf(options['snapshot']),
      samplePercent: parsePercent(options['sample']),
      since: typeof options['since'] === 'string' ? options['since'] : undefined,
      newOnly: options['new'] === true,
      repair: options['repair'] === true,
      accept: options['accept'] === true,
    }
    if (verifyOptions.accept) assertAcceptable(options)
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
      const { damage, repaired, accepted } = verified
      return damage.length === repaired + accepted ? exitCodes.done : exitCodes.failed
    } finally {
      printer.end()
    }
  },
}

/** Nobody is to accept what a disk has lost in snapshots that were not looked at. */
function assertAcceptable(options: CommandInput['options']): void {
  if (listOf(options['snapshot']).length === 0) {
    throw new UsageError('--accept is of named snapshots', { fix: 'name them' })
  }
  const other = ['repair', 'new', 'sample', 'since'].find((name) => options[name] !== undefined)
  if (other === undefined) return
  throw new UsageError(`--accept and --${other} do not go together`, {
    fix: `leave out --${other}`,
  })
}

function parsePercent(text: unknown): number {
  if (text === undefined) return 100
  if (typeof text === 'string' && /^\d{1,3}(?:\.\d+)?%?$/.test(text)) {
    const percent = Number(text.replace('%', ''))
    if (percent <= 100) return percent
  }
  throw new UsageError(`--sample is ${JSON.stringify(text)}`, { fix: 'write a share, such as 5%' })
}
