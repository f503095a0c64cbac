import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const script = fileURLToPath(new URL('../../../.ci/release-notes.sh', import.meta.url))

const changelog = `# Changelog

## Unreleased

## 1.2.0 - 2026-11-30

### Added

- What is new.

## 1.1.0 - 2026-10-31

- What was new.

## 1.0.0 - 2026-09-30
`

describe('.ci/release-notes.sh', () => {
  const directory = useTemporaryDirectory()

  /** Runs it in a repository that has this version. */
  async function notesOf(tag: string, version = tag.slice(1)) {
    mkdirSync(join(directory.path, '.ci'))
    copyFileSync(script, join(directory.path, '.ci/release-notes.sh'))
    writeFileSync(join(directory.path, 'CHANGELOG.md'), changelog)
    const text = JSON.stringify({ name: 'snap-volume', version, license: 'MIT' }, undefined, 2)
    writeFileSync(join(directory.path, 'package.json'), text)
    return execa(join(directory.path, '.ci/release-notes.sh'), [tag], { reject: false })
  }

  it('prints what the changelog says of a version, and no more', async () => {
    const { exitCode, stdout } = await notesOf('v1.2.0')
    expect({ exitCode, stdout }).to.deep.equal({
      exitCode: 0,
      stdout: '### Added\n\n- What is new.',
    })
  })

  it('prints it of one that is not the newest', async () => {
    expect((await notesOf('v1.1.0')).stdout).to.equal('- What was new.')
  })

  for (const { title, tag, version, said } of [
    {
      title: 'a tag of another version',
      tag: 'v1.2.0',
      version: '1.2.1',
      said: 'package.json 1.2.1',
    },
    { title: 'a tag without a v', tag: '1.2.0', version: '1.2.0', said: 'package.json 1.2.0' },
    {
      title: 'a version that is not told of',
      tag: 'v1.3.0',
      version: '1.3.0',
      said: "## Unreleased'",
    },
    { title: 'one of which nothing is told', tag: 'v1.0.0', version: '1.0.0', said: "'## 1.0.0'" },
  ]) {
    it(`refuses ${title}`, async () => {
      const { exitCode, stdout, stderr } = await notesOf(tag, version)
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 1, stdout: '' })
      expect(stderr).to.contain(said)
    })
  }
})
