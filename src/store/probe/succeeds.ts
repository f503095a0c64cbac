import { failureCauseOf } from '../../errors.ts'

/** False when the filesystem refuses; throws when the disk is full or broken. */
export function succeeds(tryIt: () => boolean): boolean {
  try {
    return tryIt()
  } catch (error) {
    if (failureCauseOf(error) !== 'other') throw error
    return false
  }
}
