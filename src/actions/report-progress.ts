import type { CopyProgress } from '../copy/engine.ts'
import type { ActionContext } from './context.ts'

/** The progress of a phase of a volume, whose fraction never goes back and ends with 1. */
export interface ProgressReport {
  readonly onProgress: (progress: CopyProgress) => void
  /** All of the phase is done; what comes now is of the next one. */
  end(): void
}

/** Until a phase has ended there may be another part of it. */
const mostBeforeEnd = 0.99

/**
 * Tells of the progress of a volume, with the time since now; each of the programs that do parts of
 * it begins at 0.
 */
export function reportProgress(
  { clock, emit }: Pick<ActionContext, 'clock' | 'emit'>,
  volume: string,
): ProgressReport {
  const begun = clock.now().getTime()
  let newest: CopyProgress | undefined
  const tell = (progress: CopyProgress): void => {
    emit({ type: 'progress', volume, elapsedMs: clock.now().getTime() - begun, ...progress })
  }

  return {
    onProgress(progress) {
      const fraction = Math.min(progress.fraction, mostBeforeEnd)
      newest = { ...progress, fraction: Math.max(newest?.fraction ?? 0, fraction) }
      tell(newest)
    },
    end() {
      if (newest !== undefined) tell({ ...newest, files: newest.totalFiles, fraction: 1 })
      newest = undefined
    },
  }
}
