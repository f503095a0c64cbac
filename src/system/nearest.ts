import { closest, distance } from 'fastest-levenshtein'

/** Fewer letters begin too many words. */
const shortestBeginning = 4

/**
 * The known word that `word` is likely meant for: one that it begins, or of which two letters are
 * exchanged, or a third is wrong. Of several the first one with its first letter.
 */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const [asked = '', ...lower] = [word, ...known].map((each) => each.toLowerCase())
  const meant = lower.findIndex((each) => isBeginning(asked, each) || isExchanged(asked, each))
  if (meant !== -1) return known[meant]

  const [alike, others] = [true, false].map((isAlike) =>
    lower.filter((each) => (each[0] === asked[0]) === isAlike),
  )
  const nearest = closest(asked, [...(alike ?? []), ...(others ?? [])])
  if (distance(asked, nearest) > Math.ceil(word.length / 3)) return undefined

  return known[lower.indexOf(nearest)]
}

function isBeginning(asked: string, known: string): boolean {
  return asked.length >= shortestBeginning && known.startsWith(asked)
}

/** Whether two letters that follow one another are the other way round. */
function isExchanged(asked: string, known: string): boolean {
  let at = 0
  while (at < asked.length && asked[at] === known[at]) at += 1
  const [first, second] = [asked[at], asked[at + 1]]
  if (second === undefined) return false
  return `${asked.slice(0, at)}${second}${first}${asked.slice(at + 2)}` === known
}
