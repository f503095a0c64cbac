import type { EngineChoice } from '../config/settings.ts'
import type { CopyEngine } from './engine.ts'
import { rsyncEngine } from './rsync-engine.ts'

/** The engine for a volume, with why it was chosen. */
export function chooseEngine(choice: EngineChoice): { engine: CopyEngine; reason: string } {
  return {
    engine: rsyncEngine,
    reason: choice === 'rsync' ? 'SNAP_ENGINE asks for it' : 'works on every filesystem',
  }
}
