import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { testLabel } from '../support/docker.ts'
import { skipBecause } from '../support/skip.ts'
import { commandsUnder, composeRunner, findCompose } from './support/compose.ts'
import { eventually } from './support/eventually.ts'
import { productImage, sampleOnEngine } from './support/on-engine.ts'
import { sambaImage } from './support/samba.ts'

const example = fileURLToPath(new URL('../../examples/samba/', import.meta.url))

sampleOnEngine({ oneIn: 2 }, 'examples/samba/compose.yaml', () => {
  it('does what its comments say', async function () {
    const compose = await findCompose()
    if (compose === undefined) {
      skipBecause(this, 'there is neither docker-compose nor the plugin of docker')
    }
    // it writes a file beside its own
    const directory = await mkdtemp(join(tmpdir(), 'samba-example-'))
    await cp(example, directory, { recursive: true })
    const file = join(directory, 'compose.yaml')
    const settings = join(directory, 'test.yaml')
    await writeFile(settings, overrides)
    // any port that is free
    await writeFile(join(directory, '.env'), 'SAMBA_LISTEN=127.0.0.1:0\n')
    const run = composeRunner(compose, `samba-${process.pid}`, [file, settings])
    let version = ''
    const follow = async (heading: string): Promise<string> => {
      const outputs: string[] = []
      for (const command of await commandsUnder(file, heading)) {
        outputs.push(await run(command.replace(/@GMT-[\d.-]+/, version)))
      }
      return outputs.join('\n')
    }
    const smbclient = async (commands: string): Promise<string> =>
      run(`docker compose exec samba smbclient //localhost/files -U ann%change-me -c '${commands}'`)
    const write = async (text: string): Promise<string> =>
      run(
        `docker compose exec samba sh -c 'echo ${text} > /tmp/new && smbclient //localhost/files -U ann%change-me -c "put /tmp/new notes.txt"'`,
      )
    try {
      await follow('Start both')
      await eventually('a Samba that lets ann write', () =>
        write('plum').then(
          () => true,
          () => undefined,
        ),
      )
      await follow('Take a snapshot now')
      await write('none')
      const seen = await follow('See the versions of a file')
      version = /^@GMT-[\d.-]+$/m.exec(seen)?.[0] ?? ''
      expect(version, seen).not.to.equal('')
      await follow('Bring one back')
      expect(await smbclient('get notes.txt -')).to.equal('plum')
      await follow('After a change of the volumes')
      expect(await readFile(join(directory, 'shares.conf'), 'utf8')).to.include('[files]')
      expect(await smbclient('allinfo notes.txt')).to.include(version)
    } finally {
      await run('docker compose down --volumes')
      await rm(directory, { recursive: true })
    }
  })
})

/** The images that test/run.sh builds, and the label by which it finds what is left. */
const overrides = `
services:
  snap: { image: '${productImage}', labels: ['${testLabel}'] }
  samba: { image: '${sambaImage}', labels: ['${testLabel}'] }
volumes:
  files: { labels: ['${testLabel}'] }
  snapshots: { labels: ['${testLabel}'] }
`
