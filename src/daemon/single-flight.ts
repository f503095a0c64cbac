/**
 * Asks once for all who want to know at the same time, and gives the answer, or the failure, also
 * to those who come within `keptMs` after it.
 */
export function singleFlight<T>(ask: () => Promise<T>, keptMs: number): () => Promise<T> {
  let answer: Promise<T> | undefined
  let isGoodUntilMs = 0

  return async () => {
    if (answer === undefined || performance.now() >= isGoodUntilMs) {
      isGoodUntilMs = Infinity
      answer = ask().finally(() => {
        isGoodUntilMs = performance.now() + keptMs
      })
    }
    return answer
  }
}
