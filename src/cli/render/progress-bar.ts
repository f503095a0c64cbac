import cliProgress from 'cli-progress'
import prettyBytes from 'pretty-bytes'
import prettyMilliseconds from 'pretty-ms'
import type { Progress } from './progress-lines.ts'

/** How far the work is, on the last line of a terminal. */
export interface ProgressBar {
  show(progress: Progress): void
  hide(): void
}

export function createProgressBar(stream: NodeJS.WriteStream): ProgressBar {
  let bar: cliProgress.SingleBar | undefined
  const start = (): cliProgress.SingleBar => {
    const created = new cliProgress.SingleBar({
      stream,
      format: '{volume} [{bar}] {percentage}% {detail}',
      barCompleteChar: '=',
      barIncompleteChar: ' ',
      hideCursor: true,
      clearOnComplete: true,
      fps: 4,
    })

    created.start(1000, 0, { volume: '', detail: '' })
    return created
  }

  return {
    show(progress) {
      bar ??= start()
      bar.update(Math.floor(progress.fraction * 1000), {
        volume: progress.volume,
        detail: formatProgress(progress),
      })
    },
    hide() {
      bar?.stop()
      bar = undefined
    },
  }
}

/** Files, bytes, rate, time left. */
export function formatProgress(progress: Progress): string {
  const { files, totalFiles, bytes, fraction, elapsedMs } = progress
  const rate = prettyBytes(elapsedMs === 0 ? 0 : Math.round((bytes / elapsedMs) * 1000))

  const leftMs =
    fraction === 0 || fraction === 1 ? undefined : (elapsedMs / fraction) * (1 - fraction)
  const left =
    leftMs === undefined ? '' : `, ${prettyMilliseconds(Math.ceil(leftMs / 1000) * 1000)} left`
  return `${files}/${totalFiles} files, ${prettyBytes(bytes)}, ${rate}/s${left}`
}
