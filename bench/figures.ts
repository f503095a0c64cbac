export type Unit = 'seconds' | 'MB' | 'times'

/** What was measured of one contender. */
export interface Series {
  name: string
  values: number[]
}

/** One table. */
export interface Figures {
  title: string
  unit: Unit
  /** Where contenders are compared, the first one is ours. */
  series: Series[]
  isComparison: boolean
  notes: string[]
}

/** Contenders and the seconds they took. */
export function secondsOf(title: string, series: Series[], notes: string[] = []): Figures {
  return { title, unit: 'seconds', series, isComparison: true, notes }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  const low = sorted[Math.ceil(middle) - 1] ?? NaN
  const high = sorted[Math.floor(middle)] ?? NaN
  return (low + high) / 2
}

/** How often our median fits into that of a contender; undefined where nothing is compared. */
export function ratioToOurs(
  { series, isComparison }: Figures,
  { values }: Series,
): number | undefined {
  const [ours] = series
  if (!isComparison || ours === undefined) return undefined
  return median(values) / median(ours.values)
}

export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : `${ratio.toFixed(2)}x`
}

const decimals: Record<Unit, number> = { seconds: 3, MB: 1, times: 2 }

export function formatValue(value: number, unit: Unit): string {
  return value.toFixed(decimals[unit])
}

/** With separators, for people. */
export function formatCount(count: number): string {
  return count.toLocaleString('en')
}
