import { readFileSync, readdirSync } from 'node:fs'

const sampleMs = 50

/**
 * The most memory, in MB, that the programs `work` starts have at one time: the sum of their PSS
 * (proc(5)).
 */
export async function peakMemory(work: () => Promise<void>): Promise<number> {
  let peakBytes = 0
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, sumOfDescendants(process.pid))
  }, sampleMs)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  return peakBytes / 1_000_000
}

function sumOfDescendants(ancestor: number): number {
  const children = readChildren()
  const bytesBelow = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + readPss(child) + bytesBelow(child), 0)
  return bytesBelow(ancestor)
}

function readChildren(): Map<number, number[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return Map.groupBy(pids.map(Number), readParent)
}

/** The fields of stat are behind the name, which may hold anything. */
function readParent(pid: number): number {
  const text = readIfThere(`/proc/${pid}/stat`)
  return Number(text.slice(text.lastIndexOf(')') + 1).split(' ')[2])
}

function readPss(pid: number): number {
  const [, kibibytes = '0'] = /^Pss: *(\d+)/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`)) ?? []
  return Number(kibibytes) * 1024
}

/** Processes end while they are looked at. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
