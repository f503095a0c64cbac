import { expectEnds } from '../../retention/expected-end.ts'
import type { RetentionDecision } from '../../retention/plan.ts'
import { readCatalog } from '../../store/catalog.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { findClockJump } from '../clock-jump.ts'
import { type RetentionConfig, findCandidates } from './find-candidates.ts'
import { planPrune } from './prune.ts'

export interface KeptSnapshot extends RetentionDecision {
  /** About when retention removes it; null where nothing is foreseen, as for pinned ones. */
  until: string | null
}

/** What retention would do now, and about when it lets go of the others; changes nothing. */
export function describeKept(
  store: StoreLayout,
  config: RetentionConfig,
  now: Date,
): KeptSnapshot[] {
  const plan = planPrune(store, config, now, findClockJump(store, now))
  const { candidates, policy } = findCandidates(store, readCatalog(store), config, now)
  const ends = expectEnds(candidates, policy)
  return plan.map((one) => ({ ...one, until: ends.get(one.name)?.toISOString() ?? null }))
}
