import { formatTable } from '../src/cli/render/table.ts'
import {
  type Figures,
  formatCount,
  formatRatio,
  formatValue,
  median,
  ratioToOurs,
} from './figures.ts'
import type { ScenarioName } from './options.ts'

/** A table of the report, and what it is of. */
export type Finding = Figures & { scenario: ScenarioName }

/** What they were found with. */
export interface Circumstances {
  date: string
  versions: Readonly<Record<string, string>>
  kernel: string
  cores: number
  files: number
  runs: number
}

/** A table for a terminal. */
export function formatFinding(finding: Finding): string {
  const { scenario, title, unit, series, notes } = finding
  const runs = series[0]?.values.length ?? 0
  const head = ['', unit === 'times' ? 'median' : unit, 'ratio', 'least', 'most']
  const rows = series.map(({ name, values }) => [
    name,
    formatValue(median(values), unit),
    formatRatio(ratioToOurs(finding, { name, values })),
    formatValue(Math.min(...values), unit),
    formatValue(Math.max(...values), unit),
  ])
  const table = formatTable([head, ...rows], [1, 2, 3, 4])
  const remarks = [`median of ${runs}`, ...notes].map((note) => `  ${note}\n`)
  return `\n${scenario}: ${title}\n\n${table}${remarks.join('')}`
}

/** Everything, raw times too. */
export function formatJson(circumstances: Circumstances, findings: readonly Finding[]): string {
  const tables = findings.map((finding) => ({
    scenario: finding.scenario,
    title: finding.title,
    unit: finding.unit,
    contenders: finding.series.map((series) => ({
      name: series.name,
      median: median(series.values),
      ratio: ratioToOurs(finding, series) ?? null,
      values: series.values,
    })),
    notes: finding.notes,
  }))
  return `${JSON.stringify({ ...circumstances, tables }, null, 2)}\n`
}

/** One line. */
export function describeCircumstances({
  date,
  versions,
  kernel,
  cores,
  files,
  runs,
}: Circumstances) {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const day = date.slice(0, 10)
  return `files ${formatCount(files)}, runs ${runs}, cores ${cores}, Linux ${kernel}, ${programs.join(', ')}; ${day}`
}
