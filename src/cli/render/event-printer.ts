import { describeEvent, describeWarning } from '../../actions/describe-event.ts'
import type { RunningConsumer } from '../../actions/writers.ts'
import type { ActionEvent, Emit } from '../../actions/events.ts'
import type { RecordWarning } from '../../store/record.ts'
import type { Terminal } from '../../system/terminal.ts'
import { printable } from '../../system/printable.ts'
import type { ProgressBar } from './progress-bar.ts'
import { type Progress, createProgressLines } from './progress-lines.ts'
import { formatWriters } from './writers.ts'

/** Shows an action's events as they come, and its result at the end. */
export interface EventPrinter {
  emit: Emit
  /** Prints the result, after all events: the document with --json, else the text. */
  result(document: object, text: string): void
  /** Takes the progress bar away. */
  end(): void
}

/**
 * JSON lines on standard output, or lines for people on standard error with a bar on a terminal.
 */
export async function createEventPrinter(
  { stdout, stderr }: Terminal,
  json: boolean,
): Promise<EventPrinter> {
  if (json) {
    const print = (document: object): void => {
      stdout.write(`${JSON.stringify(document)}\n`)
    }

    const progress = createProgressLines(print)
    return {
      emit(event) {
        if (event.type === 'progress') progress.advance(event)
        else print(event)
      },
      result(document) {
        progress.finish()
        print(document)
      },
      end: () => progress.finish(),
    }
  }

  const bar = stderr.isTTY ? await createBar(stderr) : undefined
  return {
    emit(event) {
      if (event.type === 'progress') {
        bar?.show(event)
        return
      }

      const line = formatEvent(event)
      if (line === undefined || line === '') return

      bar?.hide()
      stderr.write(`${line}\n`)
    },
    result(_, text) {
      bar?.hide()
      stdout.write(text)
    },
    end: () => bar?.hide(),
  }
}

/** An event for a terminal; undefined for those that need no line. */
export function formatEvent(event: Exclude<ActionEvent, Progress>): string | undefined {
  switch (event.type) {
    case 'warning':
      return formatWarning(event)
    case 'phase':
      return formatPhase(event)
    case 'writers':
      return formatWriters({ ...event, containers: event.containers.filter(isLeftAlone) })
        .map((line) => `restore: ${line}`)
        .join('\n')
    default: {
      const text = describeEvent(event)
      return text === undefined ? undefined : printable(text)
    }
  }
}

/** Of the others it is told when it is done to them. */
function isLeftAlone({ action }: RunningConsumer): boolean {
  return action === 'none'
}

/** With the first of the files that it is about. */
function formatWarning(warning: RecordWarning): string {
  const { paths = [] } = warning
  const names = paths.slice(0, mostNames).map(printable).join(', ')
  const more = paths.length > mostNames ? ', ...' : ''
  return `warning: ${printable(describeWarning(warning))}${names === '' ? '' : `: ${names}${more}`}`
}

function formatPhase({ phase, volume, detail = '' }: Extract<ActionEvent, { type: 'phase' }>) {
  if (phase === 'copy') return `snapshot of ${volume}: reading ${printable(detail)}`
  if (phase === 'restore') return `restore of ${volume}: writing ${printable(detail)}`
  if (phase === 'subvolume') return `subvolume of ${volume}: copying ${printable(detail)}`
  if (phase === 'compare') return `subvolume of ${volume}: comparing ${printable(detail)}`
  return undefined
}

const mostNames = 3

/** What draws it is loaded only where it is seen. */
async function createBar(stream: NodeJS.WriteStream): Promise<ProgressBar> {
  const { createProgressBar } = await import('./progress-bar.ts')
  return createProgressBar(stream)
}
