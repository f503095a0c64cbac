import type { BytePath } from '../system/byte-path.ts'
import type { LinkedName } from './linked-names.ts'

/** A name that is to be one of the file which `first` is a name of. */
export interface WantedLink {
  path: BytePath
  first: BytePath
  /** What the live data have there: nothing, another file, or that of `first` already. */
  there: 'nothing' | 'another' | 'first'
}

/**
 * Of each link group of a wanted tree one name is compared like any other file: one that is proven, which costs no reading, else one
 * that is there. The others are right when they are names of its file.
 */
export function planLinks(
  groups: readonly LinkedName[][],
  isSuspect: (path: BytePath) => boolean,
): WantedLink[] {
  const links: WantedLink[] = []
  for (const names of groups) {
    const first =
      names.find((name) => isThere(name) && !isSuspect(name.path)) ??
      names.find(isThere) ??
      names[0]
    for (const name of names) {
      if (first === undefined || name === first) continue
      const there = !isThere(name) ? 'nothing' : name.live === first.live ? 'first' : 'another'
      links.push({ path: name.path, first: first.path, there })
    }
  }
  return links
}

function isThere({ live }: LinkedName): boolean {
  return live !== undefined
}
