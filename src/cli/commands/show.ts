import { OperationError, UsageError, exitCodes } from '../../errors.ts'
import type { ConsumersDescription } from '../../actions/consumers/describe-consumers.ts'
import type { KeptSnapshot } from '../../actions/store/kept-now.ts'
import type { Settings } from '../../config/settings.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { SnapshotRecord } from '../../store/record.ts'
import { printable } from '../../system/printable.ts'
import type { Command, CommandInput } from '../command.ts'
import { listOf, parseCount } from '../option-values.ts'

export const showCommand: Command = {
  name: 'show',
  summary: 'the snapshots, oldest first; with -a also how the store is set up',
  examples: [
    ['show', 'all snapshots with age, size, what each copied, why it stays, and comment'],
    ['show -a', 'also the volumes, the schedule with its next run, and retention'],
    ['show latest', 'the whole record of one snapshot'],
    ['show --log', 'what was done to the store, when and by whom, also what failed'],
    ['show --last 5 --volume mysql', 'only some of them'],
    ['show --label ticket=4711', 'those with a label; --label ticket for any value of it'],
    ['show -q --reverse', 'the names alone, newest first'],
    ['show --json', 'for programs'],
  ],
  positionals: [
    {
      name: 'snapshot',
      describe: 'show the record of this one',
      required: false,
      offers: 'snapshots',
    },
  ],
  options: {
    all: {
      type: 'boolean',
      alias: 'a',
      describe: 'store, volumes, schedule, retention, engine too',
    },
    log: { type: 'boolean', describe: 'what was done to the store, oldest first' },
    last: { type: 'string', value: 'N', describe: 'only the N newest ones' },
    volume: { type: 'array', value: 'ID', describe: 'only those that hold this volume' },
    label: {
      type: 'array',
      value: 'KEY[=VALUE]',
      describe: 'only those with this label',
      offers: 'labels',
    },
    reverse: { type: 'boolean', describe: 'newest first' },
    quiet: { type: 'boolean', alias: 'q', describe: 'names only' },
  },
  async run(input) {
    const { describeStore } = await import('../../actions/report/store.ts')
    const { openStoreOnly, resumeBeforeReading } = await import('../open-context.ts')
    const { store, settings } = openStoreOnly(input)
    await resumeBeforeReading(input, store, settings)

    const reference = input.options['snapshot']
    if (input.options['log'] === true) return showLog(input, store, reference)
    if (typeof reference === 'string') return showOne(input, store, reference)

    const choice = parseChoice(input.options)
    const whole = await describeStore(store, settings, input.clock.now())
    const retention = await readKept(input, store, settings)
    const snapshots = chooseRecords(whole.snapshots, choice)
    const description = { ...whole, snapshots, retention }
    const isAll = input.options['all'] === true
    const consumers = isAll ? await readConsumers(input, store, settings) : undefined
    if (input.json) {
      input.terminal.stdout.write(`${JSON.stringify({ ...description, ...consumers })}\n`)
      return exitCodes.done
    }

    if (input.options['quiet'] === true) {
      input.terminal.stdout.write(description.snapshots.map(({ name }) => `${name}\n`).join(''))
      return exitCodes.done
    }

    const { formatStore } = await import('../render/store.ts')
    const { formatSnapshotList } = await import('../render/snapshot-list.ts')
    const now = input.clock.now()
    const head = consumers === undefined ? '' : formatStore(whole, consumers, now)
    const { stdout } = input.terminal
    const width = stdout.isTTY ? stdout.columns : undefined
    stdout.write(head + formatSnapshotList(description, { now, width }))
    return exitCodes.done
  },
}

/** Which snapshots are shown, and in which order. */
interface Choice {
  last: number | undefined
  volumes: readonly string[]
  labels: readonly { key: string; value: string | undefined }[]
  reverse: boolean
}

function parseChoice(options: CommandInput['options']): Choice {
  const last = parseCount('--last', options['last'])
  const labels = listOf(options['label']).map((text) => {
    const [key = '', ...rest] = text.split('=')
    return { key, value: rest.length === 0 ? undefined : rest.join('=') }
  })
  const volumes = listOf(options['volume'])
  const reverse = options['reverse'] === true
  return { last, volumes, labels, reverse }
}

function chooseRecords(
  records: readonly SnapshotRecord[],
  { last, volumes, labels, reverse }: Choice,
): SnapshotRecord[] {
  const chosen = records.filter(
    (record) =>
      volumes.every((id) => record.volumes.some((volume) => volume.id === id)) &&
      labels.every(({ key, value }) => {
        const found = Object.hasOwn(record.labels, key) ? record.labels[key] : undefined
        return found !== undefined && (value === undefined || found === value)
      }),
  )
  const newest = last === undefined ? chosen : chosen.slice(-last)
  return reverse ? newest.toReversed() : newest
}

/** A store that was never started has no rules, and one that is broken says so elsewhere. */
async function readKept(
  { clock }: CommandInput,
  store: StoreLayout,
  settings: Settings,
): Promise<KeptSnapshot[]> {
  const { readStoreConfig } = await import('../../actions/context.ts')
  const { describeKept } = await import('../../actions/store/kept-now.ts')
  try {
    return describeKept(store, readStoreConfig(store, settings), clock.now())
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return []
  }
}

/** Only a store that was started has consumers. */
async function readConsumers(
  { environment }: CommandInput,
  store: StoreLayout,
  settings: Settings,
): Promise<ConsumersDescription> {
  const { contextOfProcess, readStoreConfig } = await import('../../actions/context.ts')
  const { describeConsumers } = await import('../../actions/consumers/describe-consumers.ts')
  try {
    const config = readStoreConfig(store, settings)
    return await describeConsumers({ config, ...contextOfProcess(settings, environment) })
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return { consumers: [], unknown: error.message }
  }
}

async function showLog(
  { json, terminal }: CommandInput,
  store: StoreLayout,
  reference: unknown,
): Promise<number> {
  if (reference !== undefined) {
    throw new UsageError('--log is of the whole store', { fix: 'leave out the snapshot' })
  }

  const { readActs } = await import('../../store/act-log.ts')
  const { formatActs } = await import('../render/act-list.ts')
  const acts = readActs(store)
  terminal.stdout.write(json ? `${JSON.stringify({ schema: 1, acts })}\n` : formatActs(acts))
  return exitCodes.done
}

async function showOne(
  input: CommandInput,
  store: StoreLayout,
  reference: string,
): Promise<number> {
  const { describeDamage, findDamaged, readCatalog, wayOutOfDamage } =
    await import('../../store/catalog.ts')
  const { resolveReference } = await import('../../store/references.ts')
  const { formatSnapshot } = await import('../render/snapshot.ts')
  const now = input.clock.now()

  const catalog = readCatalog(store)
  const { name, record, path } = resolveReference(catalog, reference, now)
  const damaged = findDamaged(catalog, name)
  if (input.json) {
    const problem = damaged === undefined ? {} : { problem: damaged.problem }
    input.terminal.stdout.write(`${JSON.stringify({ ...record, directory: path, ...problem })}\n`)
    return exitCodes.done
  }

  const warning =
    damaged === undefined
      ? ''
      : `warning: ${printable(`${describeDamage(damaged)}; ${wayOutOfDamage(damaged)}`)}\n`
  input.terminal.stdout.write(formatSnapshot(record, path, now) + warning)
  return exitCodes.done
}
