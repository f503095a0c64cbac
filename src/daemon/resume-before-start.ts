import { contextOfProcess } from '../actions/context.ts'
import type { ActionEvent } from '../actions/events.ts'
import { resumeAfterCrash } from '../actions/consumers/resume-after-crash.ts'
import type { Settings } from '../config/settings.ts'
import type { Environment } from '../config/variables.ts'
import type { VolumeSpec } from '../config/volume-spec.ts'
import { messageOf } from '../errors.ts'
import { hasConsumerJournal } from '../store/consumer-journal.ts'
import { type StoreLayout, storeLayout } from '../store/layout.ts'
import { openStore } from '../store/open.ts'
import { readSavedConfig } from '../store/saved-config.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { logEvent } from './log-event.ts'

/** What a daemon is started with, before it looks at anything. */
export interface Start {
  settings: Settings
  /** What hooks find in theirs. */
  environment: Environment
  volumes: readonly VolumeSpec[]
  clock: Clock
  log: Log
}

/**
 * Whom a killed process left paused or stopped must not wait for a start that is refused. Never
 * throws.
 */
export async function resumeBeforeStart({
  settings,
  environment,
  volumes,
  clock,
  log,
}: Start): Promise<void> {
  if (!hasConsumerJournal(storeLayout(settings.storeDirectory))) return
  try {
    const store = openStore(settings.storeDirectory)
    const process = contextOfProcess(settings, environment)
    const emit = (event: ActionEvent): void => logEvent(log, event)
    // also those whose volume is not configured any more
    const known = [...volumes, ...volumesBefore(store)]
    await resumeAfterCrash({ store, clock, emit, ...process }, known)
  } catch (error) {
    // the checks of the start tell what is wrong with the store
    log.warn(`containers may still be paused or stopped: ${messageOf(error)}`)
  }
}

/** Those of the last start, if it can be read. */
function volumesBefore(store: StoreLayout): VolumeSpec[] {
  try {
    return readSavedConfig(store).volumes
  } catch {
    return []
  }
}
