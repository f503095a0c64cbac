import type { CopyProgress } from '../copy/engine.ts'
import type { ActionContext } from './context.ts'

/** Tells of the progress of a volume's copy, with the time since now. */
export function reportProgress(
  { clock, emit }: ActionContext,
  volume: string,
): (progress: CopyProgress) => void {
  const begun = clock.now().getTime()
  return (progress) =>
    emit({ type: 'progress', volume, elapsedMs: clock.now().getTime() - begun, ...progress })
}
