import { failureCauseOf } from '../../errors.ts'

/** A refusal is an answer; a full or broken disk is none, and is thrown. */
export function isKept(tryIt: () => boolean): boolean {
  try {
    return tryIt()
  } catch (error) {
    if (failureCauseOf(error) !== 'other') throw error
    return false
  }
}
