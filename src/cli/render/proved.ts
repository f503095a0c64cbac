import type { Proved } from '../../actions/prove/prove.ts'
import { proofRows } from './snapshot.ts'
import { formatTable } from './table.ts'

/** Which servers started, and what those printed that did not. */
export function formatProved({ snapshot, proofs }: Proved): string {
  return formatTable([['snapshot', snapshot], ...proofs.flatMap(proofRows)])
}
