import type { CloneResult } from '../../actions/clones/create-clone.ts'
import type { ListedClone } from '../../actions/clones/list-clones.ts'
import type { CloneRecord } from '../../store/clones.ts'
import { formatSpan } from './age.ts'
import { formatTable } from './table.ts'

/** What was made, or would be, and what it costs. */
export function formatClone(result: CloneResult, dryRun: boolean): string {
  const { clone, cost, hasVolume, command } = result
  const { name, snapshot, volume, method } = clone
  const made = `${name}: ${volume} of ${snapshot}, by ${method}; it takes ${cost.text}\n`
  if (dryRun) return `would be made: ${made}its Docker volume: ${command}\n`
  if (!hasVolume) return `${made}make its Docker volume with: ${command}\n`
  return `${made}use it with: docker run -v ${name}:PATH ...\n`
}

/** A copy of a container that runs on a clone, or would. */
export function formatRunCopy(run: {
  container: string | null
  of: string
  command: string
  leftOut: readonly string[]
}): string {
  const without = run.leftOut.length === 0 ? '' : `, without ${run.leftOut.join(', ')}`
  return run.container === null
    ? `a copy of ${run.of} would be${without}: ${run.command}\n`
    : `${run.container} runs on it, a copy of ${run.of}${without}; docker rm -fv ${run.container} ends it\n`
}

export function formatCloneList(clones: readonly ListedClone[], now: Date): string {
  if (clones.length === 0) return 'there is no clone\n'
  const rows = clones.map((clone) => [
    clone.name,
    formatSpan(now.getTime() - Date.parse(clone.startedAt)),
    `${clone.volume} of ${clone.of ?? clone.snapshot}`,
    clone.isFlat ? `${clone.method}, flat` : clone.method,
    describeState(clone),
  ])
  return formatTable([['CLONE', 'AGE', 'OF', 'BY', 'STATE'], ...rows])
}

function describeState({ finishedAt, hasVolume, containers, command }: ListedClone): string {
  if (finishedAt === null) return 'cut off: remove it'
  if (hasVolume === false) return `no Docker volume: ${command}`
  return containers.map(({ name, state }) => `${name} (${state})`).join(', ')
}

export function formatFlat({ name, snapshot }: CloneRecord): string {
  return `${name} does not need ${snapshot} any more\n`
}
