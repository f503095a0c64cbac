import { readFileSync } from 'node:fs'
import { errorCode } from '../../errors.ts'

const intervalMs = 250

/**
 * What a process sleeps in (proc_pid_wchan(5)): poll(2), open(2) of a pipe that nobody else has
 * open (fifo(7)), and of a file on which somebody has a lease (fcntl(2)), who has 45 s to give it
 * up.
 */
const polling = 'poll_schedule_timeout'
const opening = ['wait_for_partner', '__break_lease']

/**
 * Wakes the processes of an rsync that sleep, again and again, until the function it returns is
 * called. When its receiver is told to end (SIGUSR2) between its look at that flag and its poll(2),
 * rsync 3.5 sleeps on for a minute although all is done. And a file that became a pipe since it was
 * listed would be waited for for ever, and one with a lease for long. SIGCHLD ends both and does
 * nothing else; one that is in neither gets none, because it could break off a call of a network
 * filesystem. docs/internals/external-programs.md lists such faults.
 */
export function unblockRsync(rsync: number): () => void {
  return watch(rsync, [polling, ...opening], 'SIGCHLD')
}

/** Ends each cp(1) below a process that waits to open a file. */
export function unblockCp(parent: number): () => void {
  return watch(parent, opening, 'SIGKILL')
}

function watch(root: number, sleeps: readonly string[], signal: NodeJS.Signals): () => void {
  const timer = setInterval(() => {
    for (const pid of family(root)) {
      const sleepsIn = readProc(`${pid}/wchan`)
      if (sleeps.some((sleep) => sleepsIn.startsWith(sleep))) send(pid, signal)
    }
  }, intervalMs).unref()
  return () => clearInterval(timer)
}

/** A process and those below it (proc_tid_children(5)). */
function family(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return [pid, ...children.flatMap(family)]
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1')
  } catch {
    // it ended
    return ''
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}
