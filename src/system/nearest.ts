import { closest, distance } from 'fastest-levenshtein'

/** The known word that `word` is likely a misspelling of: a third of it may be wrong. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const [asked = '', ...lower] = [word, ...known].map((each) => each.toLowerCase())
  const nearest = closest(asked, lower)
  if (distance(asked, nearest) > Math.ceil(word.length / 3)) return undefined
  return known[lower.indexOf(nearest)]
}
