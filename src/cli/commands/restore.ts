import { UsageError, exitCodes } from '../../errors.ts'
import type { Command, CommandInput } from '../command.ts'
import { confirm, isInteractive } from '../confirm.ts'
import { listOf } from '../option-values.ts'
import type { RestoreOptions } from '../../actions/restore/decide.ts'
import type { StoreLayout } from '../../store/layout.ts'

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'make the live data equal to a snapshot, keeping what it replaces',
  examples: [
    ['restore @GMT-2026.11.20-03.00.00 --dry-run', 'what would be created, changed and deleted'],
    ['restore @GMT-2026.11.20-03.00.00', 'restore all volumes'],
    ['restore latest --volume mysql --yes', 'one volume, without a question'],
    ['restore latest /srv/files/letters "/srv/files/*.odt"', 'only these of it'],
    ['restore latest --volume mysql --as db', 'into a volume that has another ID now'],
    ['restore latest --volume mysql --to /srv/copy', 'beside the live data, which stay'],
    ['restore --undo', 'go back to what the last restore replaced'],
    ['restore --continue', 'finish one that was cut off'],
  ],
  details: [
    'Stop the containers that use the data first, and start them afterwards; with the Docker API that is done\n' +
      'here, unless their label snap-volume.restore says otherwise. What is replaced is kept as a\n' +
      'safety snapshot. On a terminal the plan is shown first, with 10 seconds to stop: y begins now, any\n' +
      'other key stops it, without Enter. Elsewhere, and with --yes, the restore begins at once.',
    'The plan says who may write meanwhile. Nothing is restored while files of the data are open, unless a known\n' +
      'container that is not stopped may have them open. It is a look at some files and no lock: a server that\n' +
      'starts later is not seen. --force goes on, and ends with exit code 3.',
    'What it replaces has to have room in the store. Where that is full, --without-safety restores all the same:\n' +
      'what the restore replaces or deletes is gone for good then, and nothing can be undone. Safer is to free space.',
    'Containers that ran before a restore and did not come up after it are started by --undo, or by the next\n' +
      'restore.',
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'the snapshot to restore; see "snap-volume show"',
      required: false,
      offers: 'snapshots',
    },
    {
      name: 'paths',
      describe: 'only these, as --path',
      required: false,
      many: true,
      offers: 'paths',
    },
  ],
  options: {
    volume: {
      type: 'array',
      value: 'ID',
      describe: 'only this volume; may be given several times',
    },
    as: {
      type: 'array',
      value: 'NEW',
      describe: 'into the volume of this ID, one for each --volume, in the same order',
    },
    path: {
      type: 'array',
      value: 'PATH',
      describe: 'only this file, directory or pattern, as the application knows it, or ID:PATH',
      offers: 'paths',
    },
    to: {
      type: 'string',
      value: 'DIR',
      describe: 'write it there, and leave the live data as they are; nothing there is replaced',
    },
    'keep-newer': {
      type: 'boolean',
      describe: 'leave files alone that were changed after those of the snapshot',
    },
    'no-delete': {
      type: 'boolean',
      describe: 'leave there what the snapshot does not have',
    },
    continue: { type: 'boolean', describe: 'finish a restore that was cut off' },
    undo: { type: 'boolean', describe: 'restore what the last restore replaced' },
    'dry-run': { type: 'boolean', describe: 'show the plan and change nothing' },
    checksum: {
      type: 'boolean',
      describe: 'compare all contents, also of files that cannot have changed',
    },
    force: {
      type: 'boolean',
      describe: 'also where files of the data are open, which breaks most servers',
    },
    'without-safety': {
      type: 'boolean',
      describe: 'keep nothing of what it replaces, for a store that is full: no way back',
    },
    yes: { type: 'boolean', alias: 'y', describe: 'show no plan and begin at once' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const wanted = parseWanted(options)
    if (typeof options['to'] === 'string') return restoreTo(input, wanted, options['to'])

    const { openContext } = await import('../open-context.ts')
    const { planRestore, restore } = await import('../../actions/restore/restore.ts')
    const { assertNotInUse } = await import('../../actions/restore/describe-writers.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { formatRestorePlan, formatRestored } = await import('../render/restore-plan.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit, {
        announceInterrupted: false,
        // not on data that are about to be replaced
        leavesStopped: true,
      })
      const restoreOptions = await optionsOf(wanted, context.store)
      if (options['dry-run'] === true) {
        const plan = await planRestore(context, restoreOptions)
        printer.result({ type: 'result', dryRun: true, ...plan }, formatRestorePlan(plan))
        return exitCodes.done
      }

      if (options['yes'] !== true && !json && isInteractive(input)) {
        const plan = await planRestore(context, restoreOptions)
        const text = formatRestorePlan(plan)
        const { files } = plan.writers

        // a hook may stop who has them open
        const isHooked = context.hooks.commands['pre-restore'] !== undefined
        if (files !== undefined && files.open > 0 && restoreOptions.force !== true && !isHooked) {
          terminal.stdout.write(text)
          assertNotInUse(files)
        }

        await confirm(input, {
          plan: text,
          what: 'The restore',
          refusal: 'not restored, nothing was changed',
        })
        restoreOptions.expected = plan.snapshot
      }

      const result = await restore(context, restoreOptions)
      const text = formatRestored(result, restoreOptions)
      printer.result({ type: 'result', dryRun: false, ...result }, text)
      return result.warnings.length === 0 ? exitCodes.done : exitCodes.warnings
    } finally {
      printer.end()
    }
  },
}

type Wanted = RestoreOptions | { continues: true; others: Others }
type Others = Pick<RestoreOptions, 'readAll' | 'force' | 'withoutSafety'>

async function optionsOf(wanted: Wanted, store: StoreLayout): Promise<RestoreOptions> {
  if (!('continues' in wanted)) return wanted
  const { optionsToContinue } = await import('../../actions/restore/decide.ts')
  return optionsToContinue(store, wanted.others)
}

function parseWanted(options: CommandInput['options']): Wanted {
  const { snapshot, undo } = options
  const [volumes, as] = [listOf(options['volume']), listOf(options['as'])]
  const paths = [...listOf(options['paths']), ...listOf(options['path'])]
  const parts = {
    paths,
    keepNewer: options['keep-newer'] === true,
    noDelete: options['no-delete'] === true,
  }
  const others = {
    readAll: options['checksum'] === true,
    force: options['force'] === true,
    withoutSafety: options['without-safety'] === true,
  }

  if (undo === true || options['continue'] === true) {
    const isPart = parts.keepNewer || parts.noDelete || paths.length > 0
    if (typeof snapshot === 'string' || volumes.length + as.length > 0 || isPart) {
      const option = undo === true ? '--undo goes back' : '--continue goes on'
      throw new UsageError(`${option} as a whole`, {
        fix: 'leave out the snapshot, --volume, --as, --path, --keep-newer and --no-delete',
      })
    }
    return undo === true ? { undo, volumes, ...others } : { continues: true, others }
  }

  if (typeof snapshot !== 'string' || snapshot === '') {
    throw new UsageError('no snapshot is named', {
      fix: 'which snapshot? Name one of "snap-volume show", or latest, or say --undo',
    })
  }
  const common = { undo: false, reference: snapshot, volumes, ...parts, ...others } as const
  if (as.length === 0) return common

  assertPairs(volumes, as)
  return { ...common, as }
}

async function restoreTo(input: CommandInput, wanted: Wanted, directory: string): Promise<number> {
  const { options, json, terminal } = input
  if (directory === '') {
    throw new UsageError('--to names no directory', {
      fix: 'name one; was a variable of the shell empty?',
    })
  }
  const others = ['keep-newer', 'no-delete', 'without-safety', 'force', 'checksum', 'as'] as const
  const other = others.find((name) => options[name] !== undefined && options[name] !== false)
  if (other !== undefined || !('reference' in wanted)) {
    throw new UsageError(
      `--${other ?? (options['undo'] === true ? 'undo' : 'continue')} has no meaning with --to`,
      {
        fix: 'leave it out: with --to nothing is replaced',
      },
    )
  }

  if (input.beside !== undefined) {
    throw new UsageError('--to writes where the program runs, and that is the sidecar', {
      fix: 'run it there by docker exec, or with --volumes-from',
    })
  }

  const { openContext } = await import('../open-context.ts')
  const { restoreElsewhere } = await import('../../actions/restore/restore-elsewhere.ts')
  const { createEventPrinter } = await import('../render/event-printer.ts')
  const { formatElsewhere } = await import('../render/restore-plan.ts')
  const printer = await createEventPrinter(terminal, json)
  try {
    const context = await openContext(input, printer.emit)
    const dryRun = options['dry-run'] === true
    const { reference, volumes, paths = [] } = wanted
    const result = await restoreElsewhere(context, { reference, volumes, paths, directory, dryRun })
    printer.result({ type: 'result', dryRun, ...result }, formatElsewhere(result, dryRun))
    return result.warnings.length === 0 ? exitCodes.done : exitCodes.warnings
  } finally {
    printer.end()
  }
}

function assertPairs(volumes: readonly string[], as: readonly string[]): void {
  if (volumes.length !== as.length) {
    throw new UsageError('--as names the volume that another one goes into', {
      fix: `give one for each --volume (--volume ${volumes[0] ?? 'OLD'} --as ${as[0]})`,
    })
  }

  const twice = as.find((id, index) => as.indexOf(id) !== index)
  if (twice === undefined) return

  throw new UsageError(`--as ${twice} is given twice`, {
    fix: `only one volume can go into ${twice}`,
  })
}
