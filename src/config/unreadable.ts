import { UsageError } from '../errors.ts'
import type { EngineChoice, UnreadablePolicy } from './choices.ts'

/** Throws UsageError where the engine cannot go on without what cannot be read. */
export function assertUnreadableFits(policy: UnreadablePolicy, engine: EngineChoice): void {
  if (policy === 'fail' || engine !== 'rsync') return
  throw new UsageError(
    'SNAP_ON_UNREADABLE is flag, and engine rsync cannot tell what it left out',
    { fix: 'set SNAP_ENGINE=link, or SNAP_ON_UNREADABLE=fail' },
  )
}
