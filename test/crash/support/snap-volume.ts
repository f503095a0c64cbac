import { programFile } from '../../support/cli.ts'
import { type ProcessGroup, startGroup } from './process-group.ts'

export interface Command {
  args: readonly string[]
  environment: Record<string, string>
}

export function startCommand({ args, environment }: Command): ProcessGroup {
  return startGroup(process.execPath, [programFile, ...args], { environment })
}

export interface Trace {
  /** strace(1)'s set of system calls, such as `rename,fsync`. */
  calls: string
  /** Only calls on this path. */
  path?: string
  /** Also in its other threads and in every program it starts; else only in its main thread. */
  children?: boolean
  /**
   * Counts the calls of all processes together; for SIGSTOP only, and those before the one that is
   * wanted go on.
   */
  together?: boolean
}

export interface Injection extends Trace {
  /**
   * What happens, such as `signal=SIGKILL` (instead of the call) or `signal=SIGSTOP` (after it).
   */
  fault: string
  /**
   * At which one it happens; every process and thread counts for itself (unless `together`), and
   * every call of the set.
   */
  when: number | string
  /**
   * For SIGSTOP only, with the name of the program that was stopped: all go on until this is true
   * of one. Whoever is stopped after that stays so, until all are continued. Not for calls that a
   * signal interrupts: they would be made again and again.
   */
  once?: (program: string) => boolean
}

export interface TracedCommand extends ProcessGroup {
  /**
   * Resolves with true when a process was stopped by an injected SIGSTOP, false when it ended
   * before.
   */
  readonly stopped: Promise<boolean>
  /** Whether any process was killed by a signal so far. */
  hasKilled(): boolean
}

/** Runs the program under strace(1), which lets a fault happen at an exact system call. */
export function startTraced(command: Command, injection: Injection): TracedCommand {
  const { calls, fault, when, together = false, once } = injection
  let onStopped: (stopped: boolean) => void
  const stopped = new Promise<boolean>((resolve) => {
    onStopped = resolve
  })
  let pending = ''
  let stops = 0
  let isOver = false
  let isContinued = false
  let hasKilled = false
  const group = strace(
    command,
    injection,
    ['-e', `inject=${calls}:${fault}:when=${together || once !== undefined ? '1+' : when}`],
    (chunk) => {
      const lines = (pending + chunk).split('\n')
      pending = lines.pop() ?? ''
      for (const line of lines) {
        hasKilled ||= line.includes('+++ killed by SIGKILL')
        if (!line.includes('--- stopped by SIGSTOP ---')) continue
        stops += 1
        const isEarly =
          (together && stops < Number(when)) ||
          (!isOver && once?.(programOf(group, line)) === false)
        if (isEarly || isContinued) group.signalAll('SIGCONT')
        else {
          isOver = true
          onStopped(true)
        }
      }
    },
  )
  group.ended.then(
    () => onStopped(false),
    () => onStopped(false),
  )
  return {
    ...group,
    stopped,
    hasKilled: () => hasKilled,
    signalAll(name) {
      isContinued ||= name === 'SIGCONT'
      group.signalAll(name)
    },
  }
}

/** What strace(1) tells of in a line, which begins with the pid. */
function programOf(group: ProcessGroup, line: string): string {
  const pid = Number.parseInt(line, 10)
  return group.living().find((one) => one.pid === pid)?.name ?? ''
}

/** One call of a run: the `when`th of its name that a process makes. */
export interface Call {
  name: string
  when: number
}

/**
 * Runs the program to its end and gives the calls it makes, each name as often as one process makes
 * it (or all `together`).
 */
export async function listCalls(command: Command, trace: Trace): Promise<Call[]> {
  let output = ''
  const group = strace(command, trace, [], (chunk) => {
    output += chunk
  })
  await group.ended
  const counts = new Map<string, number>()
  const most = new Map<string, number>()
  for (const line of output.split('\n')) {
    const match = /^(?<pid>\d*) *(?<name>\w+)\(/.exec(line)
    const { pid = '', name = '' } = match?.groups ?? {}
    if (name === '') continue
    const counter = trace.together === true ? name : `${pid} ${name}`
    const count = (counts.get(counter) ?? 0) + 1
    counts.set(counter, count)
    most.set(name, Math.max(count, most.get(name) ?? 0))
  }
  return [...most].flatMap(([name, count]) =>
    Array.from({ length: count }, (_, index) => ({ name, when: index + 1 })),
  )
}

function strace(
  { args, environment }: Command,
  { calls, path, children = false }: Trace,
  options: readonly string[],
  onDescriptor3: (chunk: string) => void,
): ProcessGroup {
  return startGroup(
    'strace',
    [
      ['-q', '-o', '|cat >&3', '-e', `trace=${calls}`, ...options],
      children ? ['-f'] : [],
      path === undefined ? [] : ['-P', path],
      ['--', process.execPath, programFile, ...args],
    ].flat(),
    { environment, onDescriptor3 },
  )
}
