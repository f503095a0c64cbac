import { readFileSync, readdirSync } from 'node:fs'

/** Of nice(1). */
const lowestPriority = 19

/**
 * Processor time that the programs under this process have used so far, in clock ticks
 * (proc_pid_stat(5)): whoever waits for something that does not come uses none. Without those at
 * the lowest priority, which tidy up beside it.
 */
export function readChildActivity(own = process.pid): number {
  const processes = readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((pid) => readProcess(pid))

  const below = new Set([own])
  let ticks = 0
  // parents are not always listed before their children
  for (let found = true; found;) {
    found = false
    for (const { pid, parent, used, nice } of processes) {
      if (below.has(pid) || !below.has(parent)) continue
      below.add(pid)
      if (nice < lowestPriority) ticks += used
      found = true
    }
  }

  return ticks
}

interface Process {
  pid: number
  parent: number
  used: number
  nice: number
}

function readProcess(pid: string): Process[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // the name may hold blanks and brackets
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')

    return [
      {
        pid: Number(pid),
        parent: Number(fields[1]),
        used: Number(fields[11]) + Number(fields[12]),
        nice: Number(fields[16]),
      },
    ]
  } catch {
    // it has just ended
    return []
  }
}
