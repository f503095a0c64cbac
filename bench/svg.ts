import { type Series, median } from './figures.ts'
import type { Finding } from './report.ts'

/** The cases that users have, and where their figures are. */
const cases: readonly Case[] = [
  { label: 'the first snapshot', scenario: 'first' },
  { label: 'nothing has changed', scenario: 'unchanged' },
  { label: '1 % has new content', scenario: 'changed' },
  { label: 'the same, and the oldest one goes', scenario: 'steady', title: '1 %' },
  { label: 'half has moved with its directory', scenario: 'moved' },
  { label: 'restore of 1 %, with a way back', scenario: 'restore' },
]

interface Case {
  label: string
  scenario: Finding['scenario']
  /** What the title of its table has in it, where the scenario has several. */
  title?: string
}

const width = 720
const padding = 16
const barsFrom = 270
/** Where rsync's bar would end. */
const barsTo = 530
const amountsFrom = 556
const rowHeight = 26
const barHeight = 14
/** Ours are cut there. */
const mostRatio = 1.1

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 11px; fill: #59636e }
  .back { fill: #ffffff }
  .theirs { fill: #d1d9e0 }
  .ours { fill: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .back { fill: #0d1117 }
    .theirs { fill: #3d444d }
    .ours { fill: #3fb950 }
  }
`

/** A row for each case: the time of snap-volume as a part of rsync's, and both in seconds. */
export function drawChart(findings: readonly Finding[], caption: string): string {
  const rows = cases.flatMap((one) => {
    const finding = findings.find(
      ({ scenario, title }) => scenario === one.scenario && title.includes(one.title ?? ''),
    )
    return finding === undefined ? [] : [{ label: one.label, finding }]
  })
  const rowsFrom = padding + 24
  const height = rowsFrom + rows.length * rowHeight + padding + 8

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">`,
    '<title>The time of snap-volume as a part of the time of rsync</title>',
    `<style>${style}</style>`,
    `<rect class="back" width="${width}" height="${height}"/>`,
    text(barsFrom, padding + 8, 'snap-volume, and rsync (the whole bar)', 'small'),
    text(amountsFrom, padding + 8, 'seconds', 'small'),
    ...rows.map(({ label, finding }, index) =>
      drawRow(label, finding, rowsFrom + (index + 0.5) * rowHeight),
    ),
    text(padding, height - padding, caption, 'small'),
    '</svg>',
    '',
  ].join('\n')
}

function drawRow(label: string, { series }: Finding, middle: number): string {
  const ours = medianOf(series[0])
  const theirs = medianOf(series.find(({ name }) => name.startsWith('rsync')))
  const y = middle - barHeight / 2
  const length = Math.min(mostRatio, ours / theirs) * (barsTo - barsFrom)
  return [
    text(padding, middle + 4, label),
    bar('theirs', y, barsTo - barsFrom),
    bar('ours', y, length),
    text(amountsFrom, middle + 4, `${ours.toFixed(1)} of ${theirs.toFixed(1)}`),
  ].join('')
}

function medianOf(series: Series | undefined): number {
  return median(series?.values ?? [])
}

function bar(kind: string, y: number, length: number): string {
  return `<rect class="${kind}" x="${barsFrom}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}"/>`
}

function text(x: number, y: number, words: string, kind = ''): string {
  return `<text class="${kind}" x="${x}" y="${y}">${escapeXml(words)}</text>`
}

export function escapeXml(words: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return words.replaceAll(/[&<>"]/g, (character) => entities[character] ?? '')
}
