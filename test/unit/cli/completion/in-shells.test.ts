import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Command } from '../../../../src/cli/command.ts'
import { commands } from '../../../../src/cli/commands/index.ts'
import { formatBashCompletion } from '../../../../src/cli/completion/bash.ts'
import { formatZshCompletion } from '../../../../src/cli/completion/zsh.ts'
import { commandAliases } from '../../../../src/cli/find-command.ts'
import { commonOptions } from '../../../../src/cli/help.ts'
import { requireProgram } from '../../../support/programs.ts'
import { type ShellOnTerminal, shellNames, startShell } from '../../../support/shell-on-terminal.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

const formats = { bash: formatBashCompletion, zsh: formatZshCompletion }
const names = commands.map(({ name }) => name)
const snapshots = ['@GMT-2026.11.20-03.00.00', '@GMT-2026.11.21-03.00.00']
const planting = '$(touch planted)`touch planted`;touch planted'

/** What `show --json` may print, with all that people can write into it. */
const description = {
  schema: 1,
  snapshots: snapshots.map((name) => ({
    schema: 1,
    name,
    comment: `"name":"@GMT-1" ${planting} it's`,
    labels: { ticket: '"@GMT-2"', planted: planting, stage: 'before', owner: 'me' },
  })),
}

const awkwardText = `it's [a] "b": \\c $(touch planted) \`touch planted\` %d ~ *`
const awkwardCommand: Command = {
  name: 'awkward-command',
  summary: awkwardText,
  examples: [],
  positionals: [{ name: 'what', describe: awkwardText, required: false, offers: ['one', 'other'] }],
  options: { other: { type: 'string', alias: 'o', value: 'A:[B]', describe: awkwardText } },
  run: () => Promise.resolve(0),
}

/** The words that a list begins its columns with, without what zsh says of them. */
function wordsOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    line
      .replace(/ -- .*/, '')
      .trim()
      .split(/ +/),
  )
}

for (const shellName of shellNames) {
  describe(`completion in ${shellName}`, () => {
    const directory = useTemporaryDirectory()
    let shell: ShellOnTerminal

    before(async function () {
      await requireProgram(this, shellName)
      shell = await startShell(shellName)
    })

    after(() => shell?.close())

    beforeEach(async () => {
      await shell.run(`cd ${directory.path}`)
      await load(formats[shellName](commands, commandAliases))
      showPrints(JSON.stringify(description))
    })

    /**
     * Instead of the program: `show` prints what is in a file, and tells that it ran; the rest
     * print their words.
     */
    const program = `snap-volume() {
      if [[ $1 == show ]]; then : >>asked; cat; echo problem >&2; cat shown; return 3; fi
      printf '<%s>' "$@"; echo
    }`

    async function load(script: string, instead = program): Promise<void> {
      writeFileSync(join(directory.path, 'completion'), script)
      writeFileSync(join(directory.path, 'program'), instead)
      expect(await shell.run('source ./completion; source ./program')).to.equal('')
    }

    function showPrints(text: string): void {
      writeFileSync(join(directory.path, 'shown'), text)
    }

    function filesLeft(): string[] {
      const ours = ['asked', 'completion', 'program', 'shown']
      return readdirSync(directory.path).filter((name) => !ours.includes(name))
    }

    it('offers every command', async () => {
      expect(wordsOf(await shell.list('snap-volume '))).to.have.members(names)
    })

    it('completes a command', async () => {
      expect(await shell.run('snap-volume resto\t')).to.equal('<restore>')
    })

    it('offers what people type before they know the commands', async () => {
      expect(wordsOf(await shell.list('snap-volume -'))).to.have.members([...commandAliases.keys()])
    })

    it('offers every option of every command, and its letter', async () => {
      for (const { name, options } of commands) {
        const declared = Object.entries({ ...options, ...commonOptions }).flatMap(
          ([option, { alias }]) => [`--${option}`, ...(alias === undefined ? [] : [`-${alias}`])],
        )
        const offered = wordsOf(await shell.list(`snap-volume ${name} -`))
        expect(offered, name).to.have.members(declared)
      }
    })

    it('completes an option behind others', async () => {
      expect(await shell.run('snap-volume restore latest -y --dry\t')).to.equal(
        '<restore><latest><-y><--dry-run>',
      )
    })

    for (const line of [
      'snapshot -m ',
      'snapshot --label ',
      'snapshot --label=',
      'restore --volume ',
    ]) {
      it(`offers nothing for what is anyone's own: ${line}`, async () => {
        expect(await shell.list(`snap-volume ${line}`)).to.deep.equal([])
      })
    }

    it('offers the commands to help', async () => {
      expect(wordsOf(await shell.list('snap-volume help '))).to.have.members(names)
    })

    it('offers the shells to completion', async () => {
      expect(wordsOf(await shell.list('snap-volume completion '))).to.have.members(['bash', 'zsh'])
    })

    it('offers nothing to a command that is none', async () => {
      expect(await shell.list('snap-volume nonsense ')).to.deep.equal([])
    })

    for (const command of ['restore', 'show']) {
      it(`offers the snapshots to ${command}, and none of the texts in their records`, async () => {
        expect(wordsOf(await shell.list(`snap-volume ${command} `))).to.have.members([
          ...snapshots,
          'latest',
        ])
        expect(wordsOf(await shell.list(`snap-volume ${command} @`))).to.have.members(snapshots)
        expect(filesLeft()).to.deep.equal([])
      })
    }

    for (const begun of ['@GMT-2026.11.20', '"@GMT-2026.11.20', "'@GMT-2026.11.20"]) {
      it(`completes a snapshot that begins with ${begun}`, async () => {
        expect(await shell.run(`snap-volume restore ${begun}\t --yes`)).to.equal(
          '<restore><@GMT-2026.11.20-03.00.00><--yes>',
        )
      })
    }

    it('offers labels that mean nothing to a shell', async () => {
      expect(wordsOf(await shell.list('snap-volume show --label '))).to.have.members([
        'owner=me',
        'stage=before',
      ])
      expect(filesLeft()).to.deep.equal([])
    })

    it('offers files where a path is meant', async () => {
      writeFileSync(join(directory.path, 'a file'), '')
      for (const line of ['history ', 'diff latest --path ', 'restore latest ']) {
        expect((await shell.list(`snap-volume ${line}`)).join(' ')).to.match(/a\\? file/)
      }
      expect(await shell.run('snap-volume history compl\t')).to.equal('<history><completion>')
    })

    const wrongNames = [planting, '$HOME', '*', '{a,b}', '\\u0027', '-y', '@GMT-1 @GMT-2', '@GMT-%']
    for (const name of wrongNames) {
      it(`neither offers nor evaluates a name such as ${name}`, async () => {
        showPrints(`{"snapshots":[{"name":"@GMT-${name}"},{"name":"${name}"}]}`)
        expect(await shell.run('snap-volume restore \t')).to.equal('<restore><latest>')
        expect(filesLeft()).to.deep.equal([])
      })
    }

    it('offers latest only, and says nothing, where the program cannot be run', async () => {
      const script = formats[shellName](commands, commandAliases)
      await load(script, program.replace('cat shown', 'no-such-program'))
      expect(await shell.list('snap-volume restore ')).to.deep.equal([])
      expect(await shell.run('snap-volume restore \t')).to.equal('<restore><latest>')
    })

    it('asks for the snapshots only where one can be meant', async () => {
      await shell.list('snap-volume ')
      await shell.run('snap-volume restore lat\t')
      await shell.list('snap-volume restore -')
      await shell.list('snap-volume restore --volume ')
      await shell.list('snap-volume prune ')
      expect(readdirSync(directory.path)).not.to.include('asked')
      await shell.list('snap-volume restore ')
      expect(readdirSync(directory.path)).to.include('asked')
    })

    it('takes texts that a shell would evaluate as they are', async () => {
      await load(formats[shellName]([...commands, awkwardCommand], commandAliases))
      const line = 'snap-volume awkward-command '
      expect(wordsOf(await shell.list('snap-volume '))).to.include('awkward-command')
      expect(wordsOf(await shell.list(line))).to.have.members(['one', 'other'])
      expect(wordsOf(await shell.list(`${line}-`))).to.include.members(['--other', '-o'])
      expect(await shell.list(`${line}-o `)).to.deep.equal([])
      expect(filesLeft()).to.deep.equal([])
    })
  })
}

describe('completion in zsh', () => {
  const directory = useTemporaryDirectory()
  let shell: ShellOnTerminal

  before(async function () {
    await requireProgram(this, 'zsh')
    shell = await startShell('zsh')
  })

  after(() => shell?.close())

  beforeEach(async () => {
    const script = formatZshCompletion([...commands, awkwardCommand], commandAliases)
    writeFileSync(join(directory.path, '_snap-volume'), script)
    // as a file of $fpath, which compinit finds
    expect(await shell.run(`fpath=(${directory.path} $fpath); compinit -u -D`)).to.equal('')
  })

  it('says what every command does', async () => {
    const lines = await shell.list('snap-volume ')
    for (const { name, summary } of [...commands, awkwardCommand]) {
      expect(lines.map((line) => line.replace(/ +-- /, ' -- '))).to.include(`${name} -- ${summary}`)
    }
  })

  it('says what every option does', async () => {
    for (const { name, options } of [...commands, awkwardCommand]) {
      const text = (await shell.list(`snap-volume ${name} -`)).join('\n')
      for (const [option, { describe: does }] of Object.entries({ ...options, ...commonOptions })) {
        expect(text).to.match(new RegExp(`^--${option} .* -- `, 'm'))
        expect(text).to.include(` -- ${does}`)
      }
    }
  })

  it('says what is wanted where nothing is offered', async () => {
    await shell.run("zstyle ':completion:*' format '[%d]'")
    expect(await shell.list('snap-volume start ')).to.deep.equal([
      '[ID:PATH, the name in the store and the directory to snapshot]',
    ])
    expect(await shell.list('snap-volume snapshot -m ')).to.deep.equal(['[TEXT]'])
    await shell.run("zstyle -d ':completion:*' format")
  })

  it('does not offer an option again, but for one that may be given several times', async () => {
    const again = wordsOf(await shell.list('snap-volume snapshot --pin -m text --label a=b -'))
    expect(again).to.include('--label').and.not.include('--pin').and.not.include('--message')
  })

  it('offers no second snapshot', async () => {
    const lines = await shell.list('snap-volume restore latest ')
    expect(wordsOf(lines)).not.to.include('latest')
  })
})

describe('what a command offers', () => {
  const offers = commands.flatMap(({ positionals }) =>
    positionals.flatMap((each) => each.offers ?? []),
  )

  it('are words that no shell takes for anything else', () => {
    expect([...offers, ...names].filter((word) => !/^[a-z][a-z-]*$/.test(word))).to.deep.equal([])
  })
})
