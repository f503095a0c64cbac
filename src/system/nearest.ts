import { closest, distance } from 'fastest-levenshtein'

/** The known word that `word` is likely a misspelling of: a third of it may be wrong. Of several the first one with its first letter. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const [asked = '', ...lower] = [word, ...known].map((each) => each.toLowerCase())
  const [alike, others] = [true, false].map((isAlike) =>
    lower.filter((each) => (each[0] === asked[0]) === isAlike),
  )
  const nearest = closest(asked, [...(alike ?? []), ...(others ?? [])])
  if (distance(asked, nearest) > Math.ceil(word.length / 3)) return undefined
  return known[lower.indexOf(nearest)]
}
