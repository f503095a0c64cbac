import type { ActionEvent } from '../../actions/events.ts'

export type Progress = Extract<ActionEvent, { type: 'progress' }>

/** Thins out the progress of a command for programs that read it. */
export interface ProgressLines {
  advance(progress: Progress): void
  /** Prints the newest, if it was not printed yet: nothing comes after it. */
  finish(): void
}

/** The last line of all is one more. */
const mostASecond = 3
const everyMs = 1000 / mostASecond

/**
 * Prints at most four lines in a second: the first, what comes a third of a second later, ends
 * where there is room, and the last.
 */
export function createProgressLines(
  print: (progress: Progress) => void,
  nowMs = (): number => performance.now(),
): ProgressLines {
  let printedMs: number[] = []
  let unprinted: Progress | undefined

  function printNow(progress: Progress): void {
    printedMs = [...printedMs.slice(1 - mostASecond), nowMs()]
    unprinted = undefined
    print(progress)
  }

  return {
    advance(progress) {
      unprinted = progress
      const lately = printedMs.filter((ms) => nowMs() - ms < 1000).length
      if (lately === mostASecond) return
      const isTime = nowMs() - (printedMs.at(-1) ?? -everyMs) >= everyMs
      if (isTime || progress.fraction === 1) printNow(progress)
    },
    finish() {
      if (unprinted !== undefined) printNow(unprinted)
    },
  }
}
