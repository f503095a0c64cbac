import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'

/**
 * Mocha's Spec, which then names every skipped test with its reason, and writes
 * `{ passed, failed, skipped, failures }` to the file that SNAP_VOLUME_TEST_COUNTS names.
 */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    const skippedTests = []
    runner.on('pending', (test) => skippedTests.push(test))
    runner.once('end', () => {
      printSkipped(skippedTests)
      writeCounts(this.stats, this.failures)
    })
  }
}

function printSkipped(tests) {
  if (tests.length === 0) return
  console.log('  skipped:')
  for (const test of tests) console.log(`    ${test.fullTitle()}: ${reasonOf(test)}`)
  console.log()
}

function reasonOf(test) {
  for (let node = test; node; node = node.parent) {
    if (node.skipReason) return node.skipReason
  }
  return 'no reason given'
}

function writeCounts({ passes, failures, pending }, failed) {
  const file = process.env.SNAP_VOLUME_TEST_COUNTS
  if (file === undefined) return
  const texts = failed.map((test) => `${test.fullTitle()}: ${test.err?.message ?? 'no message'}`)
  const counts = { passed: passes, failed: failures, skipped: pending, failures: texts }
  writeFileSync(file, JSON.stringify(counts))
}
