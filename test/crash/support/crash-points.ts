import { isThorough, sample } from '../../support/sample.ts'
import { seed } from './random.ts'
import { type Call, type Command, type Trace, listCalls } from './snap-volume.ts'

/** Of so many crash points one is in the sample. */
const pointsPerSample = 3

/** So few take no time: all are taken. */
const fewPoints = 6

/** For the title of a test: after which of the calls a crash comes. */
export const someCalls = isThorough
  ? 'calls'
  : `a sample of the calls (SNAP_VOLUME_TEST_SEED=${seed})`

/** The calls of a run after which a crash comes: every `step`th, or a sample of these. Flushes are few: all are taken. */
export async function listCrashPoints(
  command: Command,
  trace: Trace,
  step: number,
): Promise<Call[]> {
  const calls = await listCalls(command, trace)
  const points = calls.filter((_, index) => index % step === 0)
  const areAllTaken = isThorough || trace.together === true || points.length <= fewPoints
  return areAllTaken ? points : sample(calls, step * pointsPerSample)
}

/** How many crashes have to come, where it would be `thorough` at all points. */
export function leastCrashes(thorough: number): number {
  return isThorough ? thorough : thorough / pointsPerSample
}
