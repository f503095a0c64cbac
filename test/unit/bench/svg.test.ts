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
  it('draws our time as a part of that of the first rsync', () => {
    const chart = drawChart([finding('changed', 'a title', 1)], '')
    expect(chart).to.contain('1.0 of 4.0')
    expect(lengthsOf(chart)).to.deep.equal({ ours: 65, theirs: 260 })
  })

  it('cuts what takes far longer', () => {
    expect(lengthsOf(drawChart([finding('first', 'a title', 40)], '')).ours).to.equal(286)
  })

  it('takes of several tables of a scenario the one that it is about', () => {
    const unchanged = finding('steady', 'nothing has changed', 2)
    const chart = drawChart([unchanged, finding('steady', '1 % has', 3)], '')
    expect(chart).to.contain('3.0 of 4.0').and.not.contain('2.0 of 4.0')
  })

  it('leaves out what is no case of users, and what was not measured', () => {
    const chart = drawChart([finding('memory', 'a title', 1)], '')
    expect(chart).not.to.contain(' of 4.0')
  })

  it('escapes what it writes', () => {
    expect(drawChart([], 'c & d')).to.contain('c &amp; d')
  })
})

function finding(scenario: Finding['scenario'], title: string, seconds: number): Finding {
  return {
    scenario,
    date: '2026-11-20',
    ...secondsOf(title, [
      { name: 'snap-volume', values: [seconds] },
      { name: 'restic', values: [9] },
      { name: 'rsync --link-dest', values: [4] },
      { name: 'rsync --link-dest, then sync -f', values: [5] },
    ]),
  }
}

function lengthsOf(chart: string): { ours: number; theirs: number } {
  const lengthOf = (kind: string): number =>
    Number(new RegExp(`class="${kind}"[^>]* width="([\\d.]+)"`).exec(chart)?.[1])
  return { ours: lengthOf('ours'), theirs: lengthOf('theirs') }
}
