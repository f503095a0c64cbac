import { type Figures, formatRatio, formatValue, median, ratioToOurs } from './figures.ts'
import type { Finding } from './report.ts'

const width = 860
const padding = 16
const barsFrom = 236
const barsTo = 680
const rowHeight = 22
const barHeight = 12
const titleHeight = 40
const gridRatios = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .back { fill: #ffffff }
  .grid { stroke: #d1d9e0 }
  .ours { stroke: #1a7f37; stroke-width: 2 }
  .slower { fill: #6e7fa3 }
  .faster { fill: #bf8700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .back { fill: #0d1117 }
    .grid { stroke: #3d444d }
    .ours { stroke: #3fb950 }
    .slower { fill: #8fa3cf }
    .faster { fill: #d29922 }
  }
`

/**
 * A bar for each contender's ratio to ours, from the line at 1, on a logarithmic scale: to the
 * right what takes more than ours, to the left what takes less.
 */
export function drawChart(findings: readonly Finding[], caption: string): string {
  const compared = findings.filter(({ isComparison }) => isComparison)
  const scale = createScale(compared.flatMap(ratiosOf))
  const parts: string[] = []
  let y = padding + 20
  for (const finding of compared) {
    parts.push(drawFinding(finding, y, scale))
    y += titleHeight + finding.series.length * rowHeight + padding
  }
  y += padding
  const lines = wrap(caption, 140)
  const height = y + lines.length * 16 + padding
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">`,
    '<title>What others take, as a multiple of what snap-volume takes</title>',
    `<style>${style}</style>`,
    `<rect class="back" width="${width}" height="${height}"/>`,
    text(
      padding,
      padding + 8,
      'The line is snap-volume: bars to the right take more, bars to the left less, on a logarithmic scale',
      'small',
    ),
    ...parts,
    ...lines.map((line, index) => text(padding, y + index * 16, line, 'small')),
    '</svg>',
    '',
  ].join('\n')
}

export function escapeXml(words: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return words.replaceAll(/[&<>"]/g, (character) => entities[character] ?? '')
}

interface Scale {
  /** The x of a ratio. */
  at: (ratio: number) => number
  grid: number[]
}

function createScale(ratios: readonly number[]): Scale {
  const least = Math.min(0.9, ...ratios)
  const most = Math.max(2, ...ratios)
  const span = Math.log(most / least)
  return {
    at: (ratio) => barsFrom + (Math.log(ratio / least) / span) * (barsTo - barsFrom),
    grid: gridRatios.filter((ratio) => ratio >= least && ratio <= most),
  }
}

function ratiosOf(figures: Figures): number[] {
  return figures.series.map((series) => ratioToOurs(figures, series) ?? 1)
}

function drawFinding(finding: Finding, y: number, scale: Scale): string {
  const { scenario, title, series, unit } = finding
  const top = y + titleHeight
  const bottom = top + series.length * rowHeight
  const grid = scale.grid.map((ratio) => {
    const x = round(scale.at(ratio))
    const kind = ratio === 1 ? 'ours' : 'grid'
    const line = `<line class="${kind}" x1="${x}" y1="${top}" x2="${x}" y2="${bottom}"/>`
    return `${line}${text(x, top - 4, `${ratio}x`, 'small', 'middle')}`
  })
  const bars = series.map(({ name, values }, index) => {
    const ratio = ratioToOurs(finding, { name, values }) ?? 1
    const middle = top + (index + 0.5) * rowHeight
    const amount = `${formatValue(median(values), unit)}${unit === 'seconds' ? ' s' : ''}`
    return [
      text(barsFrom - 12, middle + 4, name, '', 'end'),
      drawBar(scale.at(1), scale.at(ratio), middle),
      text(barsTo + 12, middle + 4, `${formatRatio(ratio)}  (${amount})`),
    ].join('')
  })
  return [text(padding, y + 12, `${scenario}: ${title}`, 'title'), ...grid, ...bars].join('\n')
}

function drawBar(one: number, end: number, middle: number): string {
  const kind = end >= one ? 'slower' : 'faster'
  const x = round(Math.min(one, end))
  const length = round(Math.abs(end - one))
  return `<rect class="${kind}" x="${x}" y="${middle - barHeight / 2}" width="${length}" height="${barHeight}"/>`
}

function text(x: number, y: number, words: string, kind = '', anchor = 'start'): string {
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escapeXml(words)}</text>`
}

function round(length: number): number {
  return Math.round(length * 10) / 10
}

function wrap(words: string, most: number): string[] {
  const lines: string[] = []
  for (const word of words.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + word.length >= most) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines
}
