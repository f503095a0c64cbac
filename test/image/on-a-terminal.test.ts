import { execa } from 'execa'
import { expect } from 'chai'
import { testLabel } from '../support/docker.ts'
import { productImage, sampleOnEngine } from './support/on-engine.ts'
import {
  type Sidecar,
  runAsConsumer,
  snapshotNames,
  startSidecar,
  takeSnapshot,
} from './support/sidecar.ts'

const token = 'a-token-of-these-tests'

/** How a second container reaches the sidecar. */
type Way = (sidecar: Sidecar) => string[]

const beside: Way = ({ container }) => ['--volumes-from', container]
const linked: Way = ({ container }) => [
  '--link',
  `${container}:snap-volume`,
  '-e',
  `SNAP_TOKEN=${token}`,
]

const question = '[y/n] '

/**
 * Presses a key at the question of `docker run -it ... restore latest`; script(1) is the terminal.
 */
async function restoreAnswering(sidecar: Sidecar, answer: string, way = beside) {
  const words = ['docker', 'run', '--rm', '-it', '--label', testLabel].concat(way(sidecar))
  const command = [...words, productImage, 'restore', 'latest'].join(' ')
  const child = execa('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    reject: false,
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const asked = printed.includes(question)
    printed += chunk.toString()
    // what is typed before the question begins nothing
    if (!asked && printed.includes(question)) child.stdin.write(answer)
  })
  return child
}

sampleOnEngine({ tests: 3 }, 'on a terminal', () => {
  let sidecar: Sidecar

  beforeEach(async () => {
    sidecar = await startSidecar({ fill: 'echo one > file', env: { SNAP_TOKEN: token } })
    await takeSnapshot(sidecar)
    await runAsConsumer(sidecar, 'echo two > file')
  })

  for (const [title, way] of [
    ['with the volumes', beside],
    ['with only --link', linked],
  ] as const) {
    it(`restore ${title} shows the plan, and changes nothing when the answer is no`, async () => {
      const { exitCode, stdout } = await restoreAnswering(sidecar, 'n', way)
      expect(stdout)
        .to.match(/change +file/)
        .and.match(/The restore begins in \d+ s/)
      expect(exitCode).to.equal(130)
      expect(await runAsConsumer(sidecar, 'cat file')).to.equal('two')
      expect(snapshotNames(sidecar)).to.have.length(1)
    })

    it(`restore ${title} goes on when the answer is yes`, async () => {
      const { exitCode, stdout } = await restoreAnswering(sidecar, 'y', way)
      expect(stdout).to.match(/restore of data: writing/)
      expect(exitCode).to.equal(0)
      expect(await runAsConsumer(sidecar, 'cat file')).to.equal('one')
    })
  }

  it('restore says that nobody can answer, as with docker run -t, and goes on by itself', async () => {
    const { container } = sidecar
    const words = ['run', '--rm', '-t', '--label', testLabel, '--volumes-from', container]
    const { exitCode, stdout } = await execa(
      'docker',
      [...words, productImage, 'restore', 'latest'],
      { reject: false },
    )
    expect(exitCode).to.equal(0)
    expect(stdout).to.match(/Nobody can type here if docker was given -t without -i/)
    expect(await runAsConsumer(sidecar, 'cat file')).to.equal('one')
  })

  it('a long snapshot shows files, bytes, rate and the time left', async () => {
    await runAsConsumer(sidecar, 'truncate -s 2G one two; ln one also-one; ln two also-two')
    const { stdout } = await execa('docker', [
      'exec',
      '-t',
      sidecar.container,
      'snap-volume',
      'snapshot',
    ])
    expect(stdout).to.match(
      /data \[=* *\] \d+% \d+\/\d+ files, [\d.]+ \w+, [\d.]+ \w+\/s, \S.* left/,
    )
  })
})
