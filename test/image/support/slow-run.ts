import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import type { Sidecar } from './sidecar.ts'

/** Fills data with 20,000 small files, which take seconds to copy. */
export const bigTree = `
  mkdir directory-0
  for file in $(seq 1 1000); do echo $file > directory-0/$file; done
  for copy in $(seq 1 19); do cp -r directory-0 directory-$copy; done`

/** Waits until a run is amidst the files of `bigTree`. */
export async function copyUnderWay({ store, id }: Sidecar): Promise<void> {
  const staging = join(store, '.snap-volume/staging')
  await eventually('a copy under way', () => {
    const found = list(staging).some((run) =>
      list(join(staging, run, id)).some((name) => list(join(staging, run, id, name)).length > 0),
    )
    return found ? true : undefined
  })
}

/** A schedule that is due once, about `seconds` from now. */
export function dueIn(seconds: number): string {
  const due = new Date(Date.now() + seconds * 1000)
  return `${due.getUTCSeconds()} ${due.getUTCMinutes()} ${due.getUTCHours()} * * *`
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
