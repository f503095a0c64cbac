import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { docker, execIn, runContainer } from '../support/docker.ts'
import { baseImage, describeOnEngine, productImage } from './support/on-engine.ts'
import { startSidecar, succeeded } from './support/sidecar.ts'

const packageFile = new URL('../../package.json', import.meta.url)
const { version, dependencies } = JSON.parse(readFileSync(packageFile, 'utf8')) as {
  dependencies: Record<string, string>
  version: string
}

/** Runs a shell script in the image, without the program. */
async function inImage(script: string, image = productImage): Promise<string> {
  const finished = await runContainer(image, {
    options: ['--entrypoint', 'sh', '--network', 'none'],
    command: ['-euc', script],
  })
  return succeeded(finished)
}

async function runProduct(...command: string[]): Promise<string> {
  return succeeded(await runContainer(productImage, { options: ['--network', 'none'], command }))
}

describeOnEngine('the image', () => {
  it('carries the labels of the Open Container Initiative', async () => {
    const output = await docker('inspect', '--format', '{{json .Config.Labels}}', productImage)
    const labels = JSON.parse(output) as Record<string, string>
    const label = (name: string) => labels[`org.opencontainers.image.${name}`]
    expect(label('title')).to.equal('snap-volume')
    expect(label('description')).to.match(/\w+/)
    expect(label('licenses')).to.equal('MIT')
    expect(label('version')).to.equal(version)
    expect(label('revision')).to.match(/^([0-9a-f]{40}|unknown)$/)
  })

  it('says which commit it is of, and which rsync it has', async () => {
    const format = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
    const commit = await docker('inspect', '--format', format, productImage)
    expect(await runProduct('version')).to.match(
      new RegExp(`^${version}\ncommit ${commit}\nrsync \\d+\\.\\d+\\.\\d+$`),
    )
    expect(JSON.parse(await runProduct('version', '--json'))).to.deep.include({
      version,
      commit: commit === 'unknown' ? null : commit,
    })
  })

  it('adds little to its base', async () => {
    const [size = 0, baseSize = 0] = (
      await docker('inspect', '--format', '{{.Size}}', productImage, baseImage)
    )
      .split('\n')
      .map((bytes) => Math.round(Number(bytes) / 1e6))
    process.stdout.write(`      image: ${size} MB, its base ${baseSize} MB\n`)
    expect(size - baseSize).to.be.lessThan(50)
  })

  it('holds no package manager of Node and no compiler', async () => {
    const programs = 'npm npx corepack yarn pnpm tsc gcc g++ cc make python3 git curl wget'
    expect(await inImage(`for name in ${programs}; do command -v $name || true; done`)).to.equal('')
  })

  it('adds no lists, caches or logs of what built it', async () => {
    const places = '/var/lib/apt/lists /var/cache /var/log /root /tmp /home /build'
    const script = `find ${places} -type f 2>/dev/null || true`
    const before = (await inImage(script, baseImage)).split('\n')
    const added = (await inImage(script)).split('\n').filter((path) => !before.includes(path))
    expect(added).to.deep.equal([])
  })

  it('holds what the program needs, and nothing that only its development does', async () => {
    expect(await inImage(`ls -A /opt/snap-volume`)).to.equal(
      ['LICENSE', 'dist', 'package.json'].join('\n'),
    )
    expect(
      await inImage(`cd /opt/snap-volume/dist; find . ! -name '*.js' ! -name '*.cjs' -type f`),
    ).to.equal('./chunks/restore.sh\n./LICENSES.txt')
  })

  it('holds the licence of every package that is in it', async () => {
    const licences = await inImage('cat /opt/snap-volume/dist/LICENSES.txt')
    for (const name of Object.keys(dependencies))
      expect(licences).to.match(new RegExp(`^${name} `, 'm'))
  })

  it('has the man page of the program that is in it', async () => {
    const page = await inImage('cat /usr/local/share/man/man1/snap-volume.1')
    expect(page)
      .to.equal(await inImage('snap-volume help --man'))
      .and.match(/^\.TH SNAP/)
  })

  it('has an rsync of 3.5.0 or newer', async () => {
    const output = await inImage('rsync --version')
    const [, major = '', minor = ''] = /version v?(\d+)\.(\d+)\./.exec(output) ?? []
    expect(Number(major) * 1000 + Number(minor)).to.be.at.least(3005)
  })

  it('runs tini as process 1, and the program as its only child', async () => {
    const { container } = await startSidecar({ fill: 'echo one > file' })
    const script = `tr '\\0' ' ' < /proc/1/cmdline; echo; cat /proc/1/task/1/children`
    const { stdout } = await execIn(container, 'sh', '-c', script)
    expect(stdout).to.match(/^tini -g -- snap-volume start data:\/data \n\d+ ?$/)
  })

  it('has the store where it is expected, and declares no volume of its own', async () => {
    const format = '{{json .Config.Volumes}} {{.Config.StopSignal}} {{json .Config.Cmd}}'
    expect(await docker('inspect', '--format', format, productImage)).to.equal(
      'null SIGTERM ["help"]',
    )
  })
})
