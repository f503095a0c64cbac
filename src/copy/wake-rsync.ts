import { readFileSync } from 'node:fs'
import { errorCode } from '../errors.ts'

const intervalMs = 250

/**
 * Wakes the processes of an rsync that sleep, again and again, until the function it returns is called. When
 * its receiver is told to end (SIGUSR2) between its look at that flag and its poll(2), rsync 3.5 sleeps on for a
 * minute although all is done. SIGCHLD ends the poll and does nothing else; one that is not in a poll gets
 * none, because it could break off a call of a network filesystem.
 */
export function keepAwake(rsync: number): () => void {
  const timer = setInterval(() => {
    for (const pid of family(rsync)) if (isPolling(pid)) wake(pid)
  }, intervalMs).unref()
  return () => clearInterval(timer)
}

/** A process and those below it (proc_tid_children(5)). */
function family(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return [pid, ...children.flatMap(family)]
}

function isPolling(pid: number): boolean {
  return readProc(`${pid}/wchan`).startsWith('poll_schedule_timeout')
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch {
    // it ended
    return ''
  }
}

function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCHLD')
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
