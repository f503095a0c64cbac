import { execa } from 'execa'
import { expect } from 'chai'
import { runContainer } from '../support/docker.ts'
import { programFile } from '../support/cli.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import { succeeded } from './support/sidecar.ts'

const rounds = 15

/** Times both by turns, in one process, so that whatever else the machine does hits both alike. */
const stopwatch = `
  const { spawnSync } = require('node:child_process')
  const { performance } = require('node:perf_hooks')
  const [program] = process.argv.slice(1)
  const time = (...words) => {
    const begun = performance.now()
    const { status } = spawnSync(process.execPath, words, { stdio: 'ignore' })
    if (status !== 0) throw new Error(words + ' ended with ' + status)
    return performance.now() - begun
  }
  const bare = [], help = []
  for (let round = 0; round < ${rounds}; round += 1) {
    bare.push(time('-e', '0'))
    help.push(time(program, 'help'))
  }
  console.log(JSON.stringify({ bare, help }))`

interface Times {
  bare: number[]
  help: number[]
}

/** Prints the medians, and gives the ratio of the fastest ones, which other load disturbs least. */
function compare(where: string, output: string): number {
  const { bare, help } = JSON.parse(output) as Times
  const [bareMs, helpMs] = [median(bare), median(help)]
  const ratio = Math.min(...help) / Math.min(...bare)
  process.stdout.write(
    `      ${where}: node -e 0 ${bareMs.toFixed(1)} ms, help ${helpMs.toFixed(1)} ms (medians of ${rounds}); ` +
      `${(helpMs / bareMs).toFixed(2)} times, ${ratio.toFixed(2)} by the fastest\n`,
  )
  return ratio
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}

describeOnEngine('snap-volume help in the image', () => {
  it('starts within three times bare node', async () => {
    const output = succeeded(
      await runContainer(productImage, {
        options: ['--entrypoint', 'node'],
        command: ['-e', stopwatch, '/opt/snap-volume/dist/main.js'],
      }),
    )
    expect(compare('in the image', output)).to.be.lessThan(3)
  })
})

describe('snap-volume help on this machine', () => {
  it('starts within three times bare node', async () => {
    const { stdout } = await execa(process.execPath, ['-e', stopwatch, programFile])
    expect(compare('on this machine', stdout)).to.be.lessThan(3)
  })
})
