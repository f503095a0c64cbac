import type { ActionContext } from '../../actions/context.ts'
import { UsageError, exitCodes } from '../../errors.ts'
import type { Command, CommandInput } from '../command.ts'
import { confirm, isInteractive } from '../confirm.ts'
import { parseLabels } from '../labels.ts'
import { listOf } from '../option-values.ts'
import type { EventPrinter } from '../render/event-printer.ts'

export const cloneCommand: Command = {
  name: 'clone',
  summary: 'a writable Docker volume of what a snapshot holds',
  examples: [
    ['clone latest trial', 'make the Docker volume "trial"; use it with docker run -v trial:PATH'],
    ['clone latest trial --volume mysql --dry-run', 'by which way, and what it would take'],
    ['clone latest trial --run', 'and start a copy of the server on it, without a network'],
    ['clone list', 'all clones, with who uses them'],
    ['clone diff trial', 'what was changed in it'],
    ['clone snapshot trial -m "with the new schema"', 'make a snapshot of what it holds'],
    ['clone promote trial', 'make it the live data, as a restore does'],
    ['clone flatten trial', 'make it independent, so that its snapshot may go'],
    ['clone remove trial', 'remove it with its Docker volume'],
    ['clone trial other', 'a clone of the clone'],
  ],
  details: [
    'It is made by the cheapest way there is: a writable btrfs snapshot, reflinks, an overlay over the snapshot, or\n' +
      'a copy. The output says which, and what it takes. With an overlay a file that is opened for writing is\n' +
      'copied as a whole first. The snapshot stays until the clone is removed or flat.',
    'Without the Docker API the "docker volume create" that makes the volume is printed.',
    'promote, diff and flatten read an overlay by a container of this image. promote takes a snapshot of the clone\n' +
      'first; the restore that follows keeps what it replaces.',
  ],
  positionals: [
    {
      name: 'what',
      describe: 'a snapshot, a clone, or one of list, diff, snapshot, promote, flatten, remove',
      required: true,
      offers: 'snapshots',
    },
    { name: 'name', describe: 'the name of the clone', required: false },
  ],
  options: {
    volume: { type: 'string', value: 'ID', describe: 'which volume, where there are several' },
    message: { type: 'string', alias: 'm', value: 'TEXT', describe: 'the comment of a snapshot' },
    label: { type: 'array', value: 'KEY=VALUE', describe: 'a label of it; likewise' },
    path: { type: 'array', value: 'PATH', describe: 'diff: only this', offers: 'paths' },
    stat: { type: 'boolean', describe: 'diff: only how many of each kind' },
    changelog: { type: 'boolean', describe: 'diff: lines such as "modified /var/cache/"' },
    'dry-run': { type: 'boolean', describe: 'say what would be done' },
    run: { type: 'boolean', describe: 'start a copy of the container that has the data, on it' },
    container: { type: 'string', value: 'NAME', describe: 'run: of this one, where several have' },
    force: { type: 'boolean', describe: 'remove: also where nobody knows who uses it' },
    yes: { type: 'boolean', alias: 'y', describe: 'show no plan and begin at once' },
  },
  async run(input) {
    const { options, json, terminal } = input
    const [what, name] = [String(options['what']), options['name']]
    const verb = Object.hasOwn(verbs, what) ? verbs[what] : undefined
    if (typeof name !== 'string' && what !== 'list') {
      throw new UsageError('no clone is named', { fix: 'write "snap-volume clone SNAPSHOT NAME"' })
    }

    const { openContext } = await import('../open-context.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      return await (verb ?? makeClone)({ input, context, printer, name: String(name) })
    } finally {
      printer.end()
    }
  },
}

interface Call {
  input: CommandInput
  context: ActionContext
  printer: EventPrinter
  name: string
}

const verbs: Readonly<Record<string, (call: Call) => Promise<number>>> = {
  list: listAll,
  diff: showDiff,
  snapshot: takeSnapshot,
  promote,
  flatten,
  remove,
}

async function makeClone({ input, context, printer, name }: Call): Promise<number> {
  const { options } = input
  const { createClone } = await import('../../actions/clones/create-clone.ts')
  const { formatClone, formatRunCopy } = await import('../render/clones.ts')
  const dryRun = options['dry-run'] === true
  const volume = typeof options['volume'] === 'string' ? options['volume'] : undefined

  const reference = String(options['what'])
  // a copy that cannot be is refused before anything is made
  const copy =
    options['run'] === true
      ? await planCopyOf(context, { reference, volume, name }, options)
      : undefined
  const made = await createClone(context, { reference, name, volume, dryRun })
  const started = copy === undefined || dryRun ? undefined : await copy.start()
  const run = copy && {
    container: started ?? null,
    of: copy.of,
    command: copy.command,
    leftOut: copy.leftOut,
  }
  printer.result(
    { type: 'result', dryRun, ...made, ...(run && { run }) },
    formatClone(made, dryRun) + (run === undefined ? '' : formatRunCopy(run)),
  )
  return made.warnings.length === 0 ? exitCodes.done : exitCodes.warnings
}

async function planCopyOf(
  context: ActionContext,
  { reference, volume, name }: { reference: string; volume: string | undefined; name: string },
  options: CommandInput['options'],
) {
  const { planCopy, startCopy } = await import('../../actions/clones/run-copy.ts')
  const container = typeof options['container'] === 'string' ? options['container'] : undefined
  const plan = await planCopy(context, { reference, volume, clone: name, container })
  return { ...plan, start: async () => startCopy(plan) }
}

async function listAll({ input, context, printer }: Call): Promise<number> {
  const { listClones } = await import('../../actions/clones/list-clones.ts')
  const { formatCloneList } = await import('../render/clones.ts')
  const clones = await listClones(context)
  printer.result({ type: 'result', clones }, formatCloneList(clones, input.clock.now()))
  return exitCodes.done
}

async function showDiff({ input, context, printer, name }: Call): Promise<number> {
  const { options, json, terminal } = input
  const { assertBaseIsThere, findClone } = await import('../../actions/clones/find-source.ts')
  const { withSnapshotOfClone } = await import('../../actions/clones/with-snapshot.ts')
  const { diff } = await import('../../actions/inspect/diff.ts')
  const { changeLines, describeStat, formatDiffAs } = await import('../render/diff.ts')

  const { clone } = findClone(context, name)
  assertBaseIsThere(context, clone)
  const quiet = { ...context, emit: () => undefined }
  const found = await withSnapshotOfClone(
    quiet,
    name,
    { comment: 'for a diff' },
    async (snapshot) =>
      diff(context, {
        from: clone.snapshot,
        to: snapshot.name,
        volumes: [clone.volume],
        paths: listOf(options['path']),
      }),
  )
  const told = { ...found, to: name }
  if (json && options['stat'] !== true) {
    for (const line of changeLines(told)) terminal.stdout.write(line)
  }
  printer.result({ type: 'result', ...describeStat(told) }, formatDiffAs(told, options))
  return exitCodes.done
}

async function takeSnapshot({ input, context, printer, name }: Call): Promise<number> {
  const { message } = input.options
  const { snapshotClone } = await import('../../actions/clones/snapshot-clone.ts')
  const record = await snapshotClone(context, name, {
    comment: typeof message === 'string' ? message : undefined,
    labels: parseLabels(input.options['label']),
  })
  printer.result({ type: 'result', snapshot: record }, `${record.name}\n`)
  return record.warnings.length === 0 ? exitCodes.done : exitCodes.warnings
}

async function promote({ input, context, printer, name }: Call): Promise<number> {
  const { options, json } = input
  const { snapshotToPromote } = await import('../../actions/clones/promote-clone.ts')
  const { planRestore, restore } = await import('../../actions/restore/restore.ts')
  const { removeSnapshots } = await import('../../actions/store/remove.ts')
  const { formatRestorePlan, formatRestored } = await import('../render/restore-plan.ts')

  const snapshot = await snapshotToPromote(context, name)
  const volumes = snapshot.volumes.map(({ id }) => id)
  const reference = snapshot.name
  const wanted = { undo: false, reference, volumes, readAll: false } as const
  if (options['dry-run'] === true) {
    try {
      const plan = await planRestore(context, wanted)
      printer.result({ type: 'result', dryRun: true, ...plan }, formatRestorePlan(plan))
      return exitCodes.done
    } finally {
      await removeSnapshots(context, [reference])
    }
  }

  if (options['yes'] !== true && !json && isInteractive(input)) {
    const plan = formatRestorePlan(await planRestore(context, wanted))
    const refusal = `not promoted, the live data are as they were, and ${reference} has what the clone held`
    await confirm(input, { plan, what: 'The restore', refusal })
  }
  const result = await restore(context, wanted)
  printer.result({ type: 'result', dryRun: false, ...result }, formatRestored(result))
  return result.warnings.length === 0 ? exitCodes.done : exitCodes.warnings
}

async function flatten({ context, printer, name }: Call): Promise<number> {
  const { flattenClone } = await import('../../actions/clones/flatten-clone.ts')
  const { formatFlat } = await import('../render/clones.ts')
  const clone = await flattenClone(context, name)
  printer.result({ type: 'result', clone }, formatFlat(clone))
  return exitCodes.done
}

async function remove({ input, context, printer, name }: Call): Promise<number> {
  const { options, json } = input
  const { planCloneRemoval, removeClone } = await import('../../actions/clones/remove-clone.ts')
  const force = options['force'] === true
  const plan = await planCloneRemoval(context, name, force)
  const text = `the clone ${name} (${plan.volume} of ${plan.snapshot}) is removed, with all that was written to it\n`
  if (options['dry-run'] === true) {
    printer.result({ type: 'result', dryRun: true, clone: plan }, text)
    return exitCodes.done
  }
  if (options['yes'] !== true && !json && isInteractive(input)) {
    await confirm(input, {
      plan: text,
      what: 'The removal',
      refusal: 'not removed, nothing was changed',
    })
  }
  const clone = await removeClone(context, name, force)
  printer.result({ type: 'result', dryRun: false, clone }, `${name} removed\n`)
  return exitCodes.done
}
