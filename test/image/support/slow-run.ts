import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import type { Sidecar } from './sidecar.ts'

/**
 * Fills data with a tree that takes seconds to copy and next to nothing to make: some thousand small files,
 * and holes of more than a gigabyte. The files with the holes have two names each, which is for rsync; cp passes over holes.
 */
export const bigTree = `
  for directory in $(seq 1 20); do
    mkdir directory-$directory
    for file in $(seq 1 100); do echo $file > directory-$directory/$file; done
  done
  for hole in 1 2 3 4 5; do truncate -s 300M zz-large-$hole; ln zz-large-$hole zz-larger-$hole; done`

/** Waits until a run is amidst the large files of `bigTree`: rsync writes them under names of its own. */
export async function copyUnderWay({ store, id }: Sidecar): Promise<void> {
  const staging = join(store, '.snap-volume/staging')
  await eventually('a copy under way', () => {
    const found = list(staging).some((run) =>
      list(join(staging, run, id)).some((name) => name.startsWith('.zz-large')),
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
