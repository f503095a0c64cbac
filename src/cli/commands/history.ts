import { UsageError, exitCodes } from '../../errors.ts'
import type { ActionContext } from '../../actions/context.ts'
import type { History } from '../../actions/inspect/history.ts'
import type { Command, CommandInput } from '../command.ts'
import { assertContentsHere } from '../contents-here.ts'
import { listOf, parseCount } from '../option-values.ts'

export const historyCommand: Command = {
  name: 'history',
  summary: 'the versions of a file or directory across the snapshots and live',
  examples: [
    ['history /var/lib/mysql/shop/fruit.ibd', 'every version, and when it was gone'],
    ['history mysql:shop/fruit.ibd', 'the same, by the ID of the volume'],
    ['history "/etc/app/*.conf"', 'of all files that the pattern fits'],
    ['history /etc/app/app.conf --cat 2 > app.conf', 'the content of the second version'],
    ['history /etc/app/app.conf --diff 1 --diff 2', 'the lines between two versions'],
  ],
  positionals: [
    {
      name: 'path',
      describe: 'as the application knows it, or ID:PATH',
      required: true,
      offers: 'paths',
    },
  ],
  options: {
    cat: { type: 'string', value: 'VERSION', describe: 'print the content of this version' },
    diff: {
      type: 'array',
      value: 'VERSION',
      describe: 'given twice: the lines between these versions',
    },
  },
  async run(input) {
    const { options, json, terminal } = input
    const { cat, between } = parseVersions(options)
    if (cat !== undefined && json) {
      throw new UsageError('--cat prints the bytes of a file, and no JSON', {
        fix: 'leave out --json',
      })
    }
    if (cat !== undefined || between !== undefined) assertContentsHere(input)
    const { openContext } = await import('../open-context.ts')
    const { history } = await import('../../actions/inspect/history.ts')
    const { createEventPrinter } = await import('../render/event-printer.ts')
    const { describeHistory, formatHistory } = await import('../render/history.ts')

    const printer = await createEventPrinter(terminal, json)
    try {
      const context = await openContext(input, printer.emit)
      const found = await history(context, String(options['path']))
      const [first, ...others] = found
      if (first !== undefined && (cat !== undefined || between !== undefined)) {
        if (others.length > 0)
          throw new UsageError('the pattern fits several paths', { fix: 'name one' })
        return await showContent(input, context, first, cat, between)
      }

      const documents = found.map(describeHistory)
      const isPattern = /[*?[]/.test(String(options['path']))
      const document = isPattern ? { histories: documents } : documents[0]
      printer.result({ type: 'result', ...document }, formatHistory(found, context.config.volumes))
      return exitCodes.done
    } finally {
      printer.end()
    }
  },
}

async function showContent(
  { terminal, json, signal }: CommandInput,
  context: ActionContext,
  found: History,
  cat: number | undefined,
  between: readonly [number, number] | undefined,
): Promise<number> {
  const { placeOf } = await import('../../actions/inspect/history.ts')
  if (cat !== undefined) {
    const { printFile } = await import('../render/print-file.ts')
    await printFile(placeOf(context, found, cat), terminal, signal)
    return exitCodes.done
  }

  const { formatTextDiff } = await import('../render/text-diff.ts')
  const [one, other] = between ?? [1, 1]
  const { document, text } = formatTextDiff({
    path: found.path,
    before: placeOf(context, found, one),
    after: placeOf(context, found, other),
  })
  terminal.stdout.write(json ? `${JSON.stringify({ type: 'result', ...document })}\n` : text)
  return exitCodes.done
}

function parseVersions(options: CommandInput['options']): {
  cat: number | undefined
  between: [number, number] | undefined
} {
  const cat = parseCount('--cat', options['cat'])
  const [one, other, ...more] = listOf(options['diff']).map((text) => parseCount('--diff', text))
  if (one === undefined) return { cat, between: undefined }
  if (other !== undefined && more.length === 0) return { cat, between: [one, other] }
  throw new UsageError('--diff compares two versions', { fix: 'write --diff 1 --diff 2' })
}
