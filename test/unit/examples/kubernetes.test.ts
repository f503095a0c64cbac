import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { parseAllDocuments } from 'yaml'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))
const kinds: Readonly<Record<string, string>> = {
  StatefulSet: 'apps/v1',
  Service: 'core/v1',
  Pod: 'core/v1',
}

const example = async (name: string): Promise<string> =>
  readFile(join(repository, 'examples/kubernetes', name), 'utf8')

describe('examples/kubernetes', () => {
  const directory = useTemporaryDirectory()

  /**
   * What the types that are made of Kubernetes' own OpenAPI schema find wrong: names that are none,
   * missing ones, wrong values.
   */
  async function problemsOf(text: string): Promise<string[]> {
    const documents = parseAllDocuments(text).map((each) => each.toJS() as { kind: string })
    const types = join(repository, 'node_modules/kubernetes-types')
    const source = documents.map(
      (document, index) =>
        `export const document${index}: import('${types}/${kinds[document.kind]}.d.ts').${document.kind} = ${JSON.stringify(document)}`,
    )
    const file = join(directory.path, 'documents.ts')
    await writeFile(file, source.join('\n'))
    const { stdout, exitCode } = await execa(
      join(repository, 'node_modules/.bin/tsc'),
      ['--noEmit', '--strict', '--module', 'nodenext', '--types', '', file],
      { cwd: directory.path, reject: false },
    )
    const lines = stdout.split('\n').filter((line) => line !== '')
    if (exitCode !== 0 && lines.length === 0) throw new Error(`tsc ended with ${exitCode}`)
    return lines
  }

  for (const name of ['sidecar.yaml', 'restore.yaml']) {
    it(`${name} is what the schema of Kubernetes allows`, async () => {
      expect(await problemsOf(await example(name))).to.deep.equal([])
    })
  }

  for (const { title, right, wrong, said } of [
    {
      title: 'a field that is none',
      right: 'livenessProbe:',
      wrong: 'livelinessProbe:',
      said: '"livelinessProbe"',
    },
    {
      title: 'one of a container beside it',
      right: 'initContainers:',
      wrong: 'sidecars:',
      said: '"sidecars"',
    },
    {
      title: 'a text for a number',
      right: 'replicas: 1',
      wrong: 'replicas: one',
      said: "'string' is not assignable to type 'number'",
    },
    {
      title: 'a missing field',
      right: '- name: snap\n',
      wrong: '- tty: false\n',
      said: "'name' is missing",
    },
  ]) {
    it(`a check of them finds ${title}`, async () => {
      const text = await example('sidecar.yaml')
      expect(text).to.contain(right)
      expect((await problemsOf(text.replace(right, wrong))).join('\n')).to.contain(said)
    })
  }
})
