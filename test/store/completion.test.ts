import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { programFile } from '../support/cli.ts'
import { requireProgram } from '../support/programs.ts'
import { type ShellOnTerminal, shellNames, startShell } from '../support/shell-on-terminal.ts'
import { type TestStore, makeStore } from '../support/test-store.ts'

/** In place of docker: writes down its words, and runs the program where it would. */
const dockerProgram = (store: TestStore): string => `docker() {
  echo "$*" >>'${join(store.data, 'docker-calls')}'
  while [[ $1 != snap-volume ]]; do shift; done
  shift
  SNAP_DIR='${store.directory}' '${process.execPath}' '${programFile}' "$@"
}
`

/** The function that the help of completion shows to those who have the program in a container. */
async function shownFunction(store: TestStore): Promise<string> {
  const { stdout } = await store.run(['completion', '--help'])
  const [text = ''] = /^ {2}snap-volume\(\) \{\n[\s\S]*?\n {2}\}\n/m.exec(stdout) ?? []
  expect(text).to.include('docker exec')
  return text
}

for (const shellName of shellNames) {
  describe(`completion in ${shellName}, of a program in a container`, () => {
    let store: TestStore
    let shell: ShellOnTerminal
    let name: string

    before(async function () {
      await requireProgram(this, shellName)
      store = await makeStore()
      name = await store.snapshot('-m', 'a comment')
      shell = await startShell(shellName)
      const file = join(store.data, 'functions')
      await writeFile(file, dockerProgram(store) + (await shownFunction(store)))
      await shell.run(`source '${file}'; source <(snap-volume completion ${shellName})`)
    })

    after(async () => {
      await shell?.close()
      await store?.remove()
    })

    it('offers the snapshots of the store', async () => {
      expect(await shell.list('snap-volume restore ')).to.deep.equal([`${name}  latest`])
    })

    it('completes one, which the command then finds', async () => {
      expect(await shell.run('snap-volume show @\t')).to.match(/^comment +a comment$/m)
    })

    it('asks without a terminal, and runs what was typed on one', () => {
      const calls = readFileSync(join(store.data, 'docker-calls'), 'utf8').split('\n')
      expect(calls).to.include(`exec mysql-vol snap-volume completion ${shellName}`)
      expect(calls).to.include('exec mysql-vol snap-volume show --json')
      expect(calls).to.include(`exec -it mysql-vol snap-volume show ${name}`)
    })
  })
}
