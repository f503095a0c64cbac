import { isDeepStrictEqual } from 'node:util'
import * as v from 'valibot'
import { UsageError } from '../src/errors.ts'
import { formatTable } from '../src/cli/render/table.ts'
import {
  type Figures,
  formatCount,
  formatRatio,
  formatValue,
  median,
  ratioToOurs,
} from './figures.ts'
import { type ScenarioName, scenarioNames } from './options.ts'

/** A table of the report, what it is of, and when its run began. */
export type Finding = Figures & { scenario: ScenarioName; date: string }

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

/** The same for people who read it on the web: a page with all tables. */
export function formatPage(circumstances: Circumstances, findings: readonly Finding[]): string {
  const sections = scenarioNames.flatMap((name) => {
    const tables = findings.filter(({ scenario }) => scenario === name)
    return tables.length === 0 ? [] : [`## ${name}\n`, ...tables.map(formatPageTable)]
  })
  return [
    '# How fast\n',
    `\`npm run bench\` measures snap-volume and its peers in one run, and writes this page, [the chart](bench.svg) and [all raw times](bench.json). [CONTRIBUTING.md](../CONTRIBUTING.md#measure) tells how it measures.\n`,
    `The last run: ${describeCircumstances(circumstances)}. Each figure is a median. A ratio of 5.00x means five times as much as snap-volume takes.\n`,
    ...sections,
  ].join('\n')
}

function formatPageTable(finding: Finding): string {
  const { title, unit, series, notes, date } = finding
  const rows = series.map(({ name, values }) => {
    const ratio = formatRatio(ratioToOurs(finding, { name, values }))
    return `| ${name} | ${formatValue(median(values), unit)} | ${ratio} |`
  })
  const remarks = [`median of ${series[0]?.values.length ?? 0} on ${date.slice(0, 10)}`, ...notes]
  return [
    `### ${title}\n`,
    `|  | ${unit === 'times' ? 'median' : unit} | ratio |`,
    '| --- | ---: | ---: |',
    ...rows,
    '',
    `${remarks.map((remark) => `- ${remark}`).join('\n')}\n`,
  ].join('\n')
}

/** Everything, raw times too. */
export function formatJson(circumstances: Circumstances, findings: readonly Finding[]): string {
  const tables = findings.map((finding) => ({
    scenario: finding.scenario,
    date: finding.date,
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

const writtenSchema = v.object({
  versions: v.record(v.string(), v.string()),
  kernel: v.string(),
  cores: v.number(),
  files: v.number(),
  tables: v.array(
    v.object({
      scenario: v.picklist(scenarioNames),
      date: v.string(),
      title: v.string(),
      unit: v.picklist(['seconds', 'MB', 'times']),
      contenders: v.array(
        v.object({
          name: v.string(),
          ratio: v.nullable(v.number()),
          values: v.array(v.number()),
        }),
      ),
      notes: v.array(v.string()),
    }),
  ),
})

/** What a report has. Throws UsageError where it was written under other circumstances. */
export function readFindings(written: string, circumstances: Circumstances): Finding[] {
  const report = v.safeParse(writtenSchema, JSON.parse(written))
  if (!report.success || !isAlike(report.output, circumstances)) {
    throw new UsageError(
      'the report there is of another machine, other versions or another number of files: measure all scenarios, or write elsewhere',
    )
  }
  return report.output.tables.map(({ contenders, ...table }) => ({
    ...table,
    series: contenders.map(({ name, values }) => ({ name, values })),
    isComparison: contenders.some(({ ratio }) => ratio !== null),
  }))
}

/** Puts what was measured in the place of older tables of these scenarios. */
export function replaceFindings(
  older: readonly Finding[],
  measured: readonly Finding[],
): Finding[] {
  const anew = new Set(measured.map(({ scenario }) => scenario))
  const all = [...older.filter(({ scenario }) => !anew.has(scenario)), ...measured]
  return scenarioNames.flatMap((name) => all.filter(({ scenario }) => scenario === name))
}

function isAlike(
  written: v.InferOutput<typeof writtenSchema>,
  { versions, kernel, cores, files }: Circumstances,
): boolean {
  return isDeepStrictEqual(
    [written.versions, written.kernel, written.cores, written.files],
    [versions, kernel, cores, files],
  )
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
