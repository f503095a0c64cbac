import { expect } from 'chai'
import { secondsOf } from '../../../bench/figures.ts'
import type { Finding } from '../../../bench/report.ts'
import { drawChart, escapeXml } from '../../../bench/svg.ts'

describe('escapeXml', () => {
  it('leaves nothing that XML would read', () => {
    expect(escapeXml('<a href="x">&</a>')).to.equal('&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;')
  })
})

describe('drawChart', () => {
  const ours = { name: 'ours', values: [1] }
  const finding = (title: string, seconds: number): Finding => ({
    scenario: 'first',
    date: '2026-11-20',
    ...secondsOf(title, [ours, { name: 'other', values: [seconds] }]),
  })

  it('tells those that take more from those that take less', () => {
    expect(barOf('slower', drawChart([finding('a title', 2)], ''))).to.contain('2.00x')
    expect(barOf('faster', drawChart([finding('a title', 0.5)], ''))).to.contain('0.50x')
  })

  it('escapes what it writes', () => {
    expect(drawChart([finding('a < b', 2)], 'c & d'))
      .to.contain('a &lt; b')
      .and.contain('c &amp; d')
  })

  it('leaves out what is not compared', () => {
    const alone = { ...finding('a title', 2), isComparison: false }
    expect(drawChart([alone], '')).not.to.contain('a title')
  })
})

function barOf(kind: string, chart: string): string | undefined {
  return chart
    .split('\n')
    .find((line) => line.includes(`class="${kind}"`) && line.includes('other'))
}
