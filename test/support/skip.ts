import type { Context } from 'mocha'

interface Skippable {
  skipReason?: string
}

/**
 * Skips the running test, or every test of the suite when called in its `before`.
 * The reporter prints the reason beside each of them.
 */
export function skipBecause(context: Context, reason: string): never {
  const skipped: Skippable = whatIsSkipped(context)
  skipped.skipReason = reason
  return context.skip()
}

function whatIsSkipped(context: Context): object {
  const runnable = context.runnable()
  if (runnable.title.startsWith('"before all" hook') && runnable.parent) return runnable.parent
  if (runnable.title.startsWith('"before each" hook') && context.currentTest) {
    return context.currentTest
  }
  return runnable
}
