import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { type Location, isInside, parseMounts } from './mounts.ts'

/**
 * The processes that would go on with a directory after it was renamed: those that have it, or
 * something in it, open or as working directory, and those of containers that have it mounted. Each
 * as `PID (NAME)`. Only processes of this PID namespace are seen, and this one is left out.
 */
export function findUsers(path: string, location: Location): string[] {
  const answers = new Map<string, boolean>()
  const isMountedFor = (pid: string): boolean => {
    const namespace = readLink(`/proc/${pid}/ns/mnt`)
    const answer = answers.get(namespace) ?? hasMounted(pid, location)
    answers.set(namespace, answer)
    return answer
  }

  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => isMountedFor(pid) || hasOpen(pid, path))
    .map((pid) => `${pid} (${readText(`/proc/${pid}/comm`).trim()})`)
}

function hasMounted(pid: string, { device, path }: Location): boolean {
  return parseMounts(readText(`/proc/${pid}/mountinfo`)).some(
    (mount) => mount.device === device && isInside(mount.root, path),
  )
}

function hasOpen(pid: string, path: string): boolean {
  const links = ['cwd', 'root', ...namesIn(`/proc/${pid}/fd`).map((name) => `fd/${name}`)]
  return links.some((link) => isInside(readLink(`/proc/${pid}/${link}`), path))
}

// a process may end while it is looked at: then it uses nothing

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
