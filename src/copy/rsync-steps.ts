import type { BytePath } from '../system/byte-path.ts'
import type { RestoreAction, RestoreCounts, RestoreStep } from './engine.ts'
import { type RsyncOptions, rsync } from './rsync-command.ts'
import { statistic } from './rsync-output.ts'

/** Runs rsync, and counts what it does, or would do, by its own list. */
export async function rsyncCounting(
  args: readonly string[],
  options: RsyncOptions,
  onStep: (step: RestoreStep) => void = () => undefined,
): Promise<RestoreCounts> {
  const counts = { create: 0, change: 0, attributes: 0, delete: 0 }
  const steps = readSteps((step) => {
    counts[step.action] += 1
    onStep(step)
  })
  const output = keepEnd((chunk) => {
    options.onOutput?.(chunk)
    steps(chunk)
  })
  await rsync(['--out-format=%i %n', ...args], { ...options, onOutput: output.add })
  return {
    created: counts.create,
    changed: counts.change,
    deleted: counts.delete,
    bytes: statistic(output.text(), 'Total transferred file size'),
  }
}

/** Reads `--out-format=%i %n`; the item is eleven characters, and the name may begin with a blank. */
function readSteps(onStep: (step: RestoreStep) => void) {
  let pending = ''
  return (chunk: Buffer): void => {
    const lines = (pending + chunk.toString('latin1')).split(/[\r\n]/)
    pending = lines.pop() ?? ''
    for (const line of lines) {
      const match = /^(\*deleting {2}|[<>ch.][fdLDS]\S{9}) (.+?)\/?$/.exec(line)
      if (match?.[1] === undefined || match[2] === undefined) continue
      onStep({ action: actionOf(match[1]), path: unescapeName(match[2]) })
    }
  }
}

/** In the C locale rsync prints all but ASCII as `\#` and three octal digits, and a name's own `\#123` likewise. */
function unescapeName(printed: string): BytePath {
  return printed.replace(/\\#([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

function actionOf(item: string): RestoreAction {
  if (item.startsWith('*deleting')) return 'delete'
  if (item.includes('+++++++++')) return 'create'
  return item.startsWith('.') ? 'attributes' : 'change'
}

/** Passes output on, and keeps its end, where `--stats` stands. */
function keepEnd(next: (chunk: Buffer) => void): {
  add: (chunk: Buffer) => void
  text: () => string
} {
  let end = ''
  return {
    add(chunk: Buffer): void {
      end = (end + chunk.toString('latin1')).slice(-8192)
      next(chunk)
    },
    text: () => end,
  }
}
