import type { Scenario } from '../bench.ts'
import type { ScenarioName } from '../options.ts'
import { archive } from './archive.ts'
import { btrfs } from './btrfs.ts'
import { deletion } from './delete.ts'
import { first } from './first.ts'
import { large } from './large.ts'
import { memory } from './memory.ts'
import { moved } from './moved.ts'
import { pause } from './pause.ts'
import { questions } from './questions.ts'
import { restore } from './restore.ts'
import { changed, metadata, unchanged } from './snapshots.ts'
import { steady } from './steady.ts'

export const scenarios: Record<ScenarioName, Scenario> = {
  first,
  unchanged,
  changed,
  metadata,
  moved,
  steady,
  restore,
  delete: deletion,
  large,
  btrfs,
  memory,
  pause,
  questions,
  archive,
}
