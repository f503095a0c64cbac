import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'chai'
import { createVolume, runContainer, startContainer } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { logLine } from './support/eventually.ts'
import { describeOnEngine, productImage } from './support/on-engine.ts'
import { runInVolume } from './support/sidecar.ts'

/** Runs what must be refused with one line. */
async function refusal(options: string[], words = ['start', 'data:/data']) {
  const { exitCode, stderr } = await runContainer(productImage, { options, command: words })
  expect(stderr.split('\n')).to.have.length(1)
  return { exitCode, line: stderr }
}

describeOnEngine('start, when something is mounted as it should not be', () => {
  let data: string
  let store: string

  before(async () => {
    data = await createVolume()
    store = await createVolume()
    await runInVolume(data, 'echo one > file')
  })

  it('refuses a store that is inside the container', async () => {
    const { exitCode, line } = await refusal(['-v', `${data}:/data`])
    expect(exitCode).to.equal(1)
    expect(line).to.match(/the store \/opt\/\.snap is inside the container.* -v /)
  })

  it('refuses it in the same way with a read-only root', async () => {
    const { exitCode, line } = await refusal(['-v', `${data}:/data`, '--read-only'])
    expect(exitCode).to.equal(1)
    expect(line).to.match(/the store \/opt\/\.snap .* -v /)
  })

  it('refuses a store that is mounted read-only', async () => {
    const { exitCode, line } = await refusal([
      '-v',
      `${data}:/data`,
      '-v',
      `${store}:/opt/.snap:ro`,
    ])
    expect(exitCode).to.equal(1)
    expect(line).to.match(/read-only|read-write/)
  })

  it('refuses data that are not there', async () => {
    const { exitCode, line } = await refusal(
      ['-v', `${store}:/opt/.snap`],
      ['start', 'data:/nowhere'],
    )
    expect(exitCode).to.equal(1)
    expect(line).to.match(/there is no directory \/nowhere: mount the volume there/)
  })

  const inImage: [what: string, words: string[], message: RegExp][] = [
    ['a directory above the data', ['files:/srv'], /\/srv is inside the container.*: \/srv\/data$/],
    ['a directory of the image', ['home:/home'], /\/home is inside the container.* -v \S+:\/home$/],
    ['one of them beside the data', ['data:/srv/data', 'home:/home'], /volume home: \/home is/],
    ['memory of the container', ['shm:/dev/shm'], /\/dev\/shm is inside the container/],
  ]
  for (const [what, words, message] of inImage) {
    it(`refuses ${what}, which a snapshot of the image would be of`, async () => {
      const mounts = ['-v', `${data}:/srv/data`, '-v', `${store}:/opt/.snap`]
      const { exitCode, line } = await refusal(mounts, ['start', ...words])
      expect(exitCode).to.equal(1)
      expect(line).to.match(message)
    })
  }

  it('names what is mounted inside the data, where snapshots leave it out', async () => {
    const container = await startContainer(productImage, {
      options: ['-v', `${data}:/srv`, '--tmpfs', '/srv/cache', '-v', `${store}:/opt/.snap`],
      command: ['start', 'files:/srv'],
    })
    await logLine(container, / warn +files: .* leave out what is mounted inside it: \/srv\/cache;/)
    await logLine(
      container,
      / the store \/opt\/.snap is new and empty \(on \S+, volume [0-9a-f]{64}\)/,
    )
    await logLine(container, / the store \/opt\/.snap is in the anonymous volume [0-9a-f]{12}/)
  })

  it('refuses one volume as both data and store', async () => {
    const { exitCode, line } = await refusal(['-v', `${data}:/data`, '-v', `${data}:/opt/.snap`])
    expect(exitCode).to.equal(2)
    expect(line).to.match(/the store .* and volume data .* overlap on the disk/)
  })
})

describeOnEngine('a store on an overlay filesystem of the host', () => {
  let host: string

  before(async function () {
    host = await mkdtemp(join(tmpdir(), 'overlay-'))
    for (const name of ['upper', 'work', 'store']) await mkdir(join(host, name))
    const layers = `lowerdir=/usr/share/doc,upperdir=${host}/upper,workdir=${host}/work`
    const { exitCode, stderr } = await execa(
      'mount',
      ['-t', 'overlay', 'overlay', '-o', layers, join(host, 'store')],
      { reject: false },
    )
    if (exitCode !== 0) skipBecause(this, `no overlay can be mounted here: ${stderr}`)
  })

  after(async () => {
    await execa('umount', [join(host, 'store')], { reject: false })
    await rm(host, { recursive: true })
  })

  it('is not taken for one inside the container: it stays when the container goes', async () => {
    const data = await createVolume()
    await runInVolume(data, 'echo one > file')
    const container = await startContainer(productImage, {
      options: ['-v', `${data}:/data`, '-v', `${host}/store:/opt/.snap`],
      command: ['start', 'data:/data'],
    })
    await logLine(container, / started: /, 10_000)
  })
})
