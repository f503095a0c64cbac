import { describeAct } from '../../actions/report/describe-act.ts'
import type { Act } from '../../store/act-log.ts'
import { printable } from '../../system/printable.ts'

/** One line an act, oldest first. */
export function formatActs(acts: readonly Act[]): string {
  if (acts.length === 0) return 'Nothing is noted yet of what was done to this store.\n'
  return acts.map((act) => `${act.finishedAt}  ${printable(describeAct(act))}\n`).join('')
}
