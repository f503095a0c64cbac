import { isThorough, sample } from '../../support/sample.ts'
import { seed } from './random.ts'
import { type Call, type Command, type Trace, listCalls } from './snap-volume.ts'

/** So many of a trace are in the sample. */
const sampledPoints = 3

/** For the title of a test: after which of the calls a crash comes. */
export const someCalls = isThorough
  ? 'calls'
  : `a sample of the calls (SNAP_VOLUME_TEST_SEED=${seed})`

/** The calls of a run after which a crash comes: every `step`th, or a sample. */
export async function listCrashPoints(
  command: Command,
  trace: Trace,
  step: number,
): Promise<Call[]> {
  const calls = await listCalls(command, trace)
  if (isThorough) return calls.filter((_, index) => index % step === 0)
  // they are listed by their kinds, so the sample has several
  return sample(calls, sampledPoints, `${command.args.join()} ${trace.calls}`)
}

/** How many crashes have to come, where it would be `thorough` at all points. */
export function leastCrashes(thorough: number): number {
  return isThorough ? thorough : Math.min(thorough, 2)
}
