import { chmodSync } from 'node:fs'
import { expect } from 'chai'
import { commands } from '../../../src/cli/commands/index.ts'
import { formatCommandHelp, formatHelp } from '../../../src/cli/help.ts'
import { findCommand } from '../../../src/cli/find-command.ts'
import { runProgram } from '../../../src/cli/program.ts'
import { OperationError, UsageError } from '../../../src/errors.ts'
import { storeLayout } from '../../../src/store/layout.ts'
import { createStore } from '../../../src/store/open.ts'
import { writeSavedConfig } from '../../../src/store/saved-config.ts'
import { programVersion } from '../../../src/system/version.ts'
import { fakeTerminal } from '../support/fake-terminal.ts'
import { rejectionOf } from '../support/rejection.ts'
import { plantSnapshot } from '../support/snapshots.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

interface Ran {
  exitCode: number
  output: string
  messages: string
}

const name = '@GMT-2026.11.20-03.00.00'

describe('the program', () => {
  const directory = useTemporaryDirectory()

  async function run(words: readonly string[], environment: object = {}): Promise<Ran> {
    const { terminal, output, messages } = fakeTerminal()
    const exitCode = await runProgram(words, {
      terminal,
      environment: { SNAP_DIR: directory.path, ...environment },
      clock: {
        now: () => new Date('2026-11-20T12:00:00Z'),
        sleep: () => Promise.reject(new Error('nothing here waits')),
      },
      signal: new AbortController().signal,
    })
    return { exitCode, output: output(), messages: messages() }
  }

  async function usageErrorOf(...words: string[]): Promise<string> {
    const error = await rejectionOf(run(words))
    expect(error).to.be.instanceOf(UsageError)
    return error.message
  }

  describe('helps', () => {
    for (const words of [[], ['help'], ['--help'], ['-h'], ['help', '--help']]) {
      it(`with all it can do, for ${JSON.stringify(words)}`, async () => {
        expect(await run(words)).to.deep.equal({
          exitCode: 0,
          output: formatHelp(commands),
          messages: '',
        })
      })
    }

    for (const command of commands.filter((each) => each.name !== 'help')) {
      for (const words of [
        ['help', command.name],
        [command.name, '--help'],
        [command.name, '-h'],
        [command.name, 'x', '--nonsense', '--help'],
      ]) {
        it(`with one command, for ${words.join(' ')}`, async () => {
          expect((await run(words)).output).to.equal(formatCommandHelp(command))
        })
      }
    }

    it('in an environment that is wrong', async () => {
      expect(
        (await run(['prune', '--help'], { SNAP_MAX: 'abc', SNAP_DIR: 'x' })).exitCode,
      ).to.equal(0)
    })

    it('with the man page of the whole program', async () => {
      const { exitCode, output, messages } = await run(['help', '--man'])
      expect({ exitCode, messages }).to.deep.equal({ exitCode: 0, messages: '' })
      expect(output).to.match(/^\.TH SNAP\\-VOLUME 1 /)
      expect(output).to.include(programVersion).and.to.include('SNAP_LOG_LEVEL')
    })

    it('programs with one document that has every command', async () => {
      const document = JSON.parse((await run(['help', '--json'])).output) as {
        commands: { name: string }[]
      }
      expect(document.commands.map((each) => each.name)).to.deep.equal(
        commands.map((each) => each.name),
      )
    })

    it('programs with one command', async () => {
      const document = JSON.parse((await run(['help', 'restore', '--json'])).output) as {
        commands: { name: string }[]
      }
      expect(document.commands.map((each) => each.name)).to.deep.equal(['restore'])
    })

    it('not with a command that is none', async () => {
      expect(await usageErrorOf('help', 'nonsense')).to.include('there is no command "nonsense"')
    })
  })

  describe('tells its version', () => {
    const SNAP_VOLUME_COMMIT = '89e2c8cd1b7b1d8d9c2d3f0c8a5f3f6f7e6d5c4b'

    it('to people, with the commit and the version of rsync', async () => {
      const [version, commit, rsync] = (
        await run(['version'], { SNAP_VOLUME_COMMIT })
      ).output.split('\n')
      expect(version).to.equal(programVersion)
      expect(commit).to.equal(`commit ${SNAP_VOLUME_COMMIT}`)
      expect(rsync).to.match(/^rsync (\d+\.\d+\.\d+|unknown)$/)
    })

    it('to programs', async () => {
      const { output } = await run(['version', '--json'], { SNAP_VOLUME_COMMIT })
      const document = JSON.parse(output) as { rsync: string | null }
      expect(document).to.deep.equal({
        schema: 1,
        version: programVersion,
        commit: SNAP_VOLUME_COMMIT,
        rsync: document.rsync,
      })
      expect(document.rsync ?? '0.0.0').to.match(/^\d+\.\d+\.\d+$/)
    })

    for (const commit of [undefined, '', 'unknown']) {
      it(`without a commit when that is ${JSON.stringify(commit)}`, async () => {
        const environment = { SNAP_VOLUME_COMMIT: commit }
        expect((await run(['version'], environment)).output).to.contain('\ncommit unknown\n')
        const { output } = await run(['version', '--json'], environment)
        expect((JSON.parse(output) as { commit: unknown }).commit).to.equal(null)
      })
    }
  })

  describe('prints the completion', () => {
    for (const shell of ['bash', 'zsh']) {
      it(`of ${shell}, with every command, without a store`, async () => {
        const { exitCode, output, messages } = await run(['completion', shell])
        expect({ exitCode, messages }).to.deep.equal({ exitCode: 0, messages: '' })
        for (const command of commands) expect(output).to.include(command.name)
      })

      it(`of ${shell} to programs`, async () => {
        const { output } = await run(['completion', shell])
        expect(JSON.parse((await run(['completion', shell, '--json'])).output)).to.deep.equal({
          schema: 1,
          shell,
          script: output,
        })
      })
    }
  })

  describe('refuses', () => {
    it('a command that is none, and names those there are', async () => {
      expect(await usageErrorOf('nonsense')).to.equal(
        'there is no command "nonsense": there are start, help, show, snapshot, restore, prune, remove, annotate, usage, diff, history, find, verify, clone, prove, export, import, rename, status, doctor, samba-config, subvolume, completion, version',
      )
    })

    for (const [word, meant] of [
      ['strat', 'start'],
      ['snapshots', 'snapshot'],
      ['Restore', 'restore'],
      ['--verson', '--version'],
    ] as const) {
      it(`${word} for a command, and asks for ${meant}`, async () => {
        expect(await usageErrorOf(word)).to.equal(
          `there is no command "${word}": did you mean ${meant}?`,
        )
      })
    }

    it('a misspelt command to explain', async () => {
      expect(await usageErrorOf('help', 'strat')).to.contain('did you mean start?')
    })

    const misspelt: [words: string[], meant: string][] = commands
      .filter(({ name }) => name !== 'help')
      .flatMap(({ name, options }) => [
        [[name, '--jsno'], '--json'],
        ...Object.keys(options).map((option): [string[], string] => [
          [name, `--${option.slice(0, -2)}${option.slice(-1)}`],
          `--${option}`,
        ]),
      ])
    for (const [words, meant] of misspelt) {
      it(`${words.join(' ')}, and asks for ${meant}`, async () => {
        expect(await usageErrorOf(...words)).to.equal(
          `unknown: ${words[1]?.slice(2)}: did you mean ${meant}? If not, see "snap-volume ${words[0]} --help"`,
        )
      })
    }

    for (const word of ['', '-x', '--', 'toString', '__proto__', 'SHOW']) {
      it(`${JSON.stringify(word)} for a command`, async () => {
        expect(await usageErrorOf(word)).to.include('there is no command')
      })
    }

    const wrong: [what: string, words: string[], message: string][] = [
      ['an unknown option', ['show', '--nonsense'], 'unknown: nonsense'],
      ['an unknown letter', ['show', '-z'], 'unknown: z'],
      ['half of an option', ['snapshot', '--lab', 'a=b'], 'unknown: lab'],
      ['an option of another command', ['show', '--dry-run'], 'unknown: '],
      ['an option called __proto__', ['show', '--__proto__', 'x'], 'unknown: '],
      ['an argument too many', ['show', 'latest', 'more'], 'unknown: more'],
      ['an argument where none is taken', ['prune', 'all'], 'unknown: all'],
      ['a start without volumes', ['start'], 'an argument is missing'],
      ['a name too many behind --', ['find', '--', '-n', '-m'], 'unknown: -m'],
      ['a difference from nothing', ['diff', '--', 'file'], 'an argument is missing'],
      ['a comment without a text', ['snapshot', '-m'], 'Not enough arguments following: m'],
      ['a label without a text', ['snapshot', '--label'], 'Not enough arguments following: label'],
      ['a volume without a name', ['restore', 'a', '--volume'], 'following: volume'],
    ]
    for (const [what, words, message] of wrong) {
      it(`${what}, and names the help`, async () => {
        expect(await usageErrorOf(...words))
          .to.include(message)
          .and.match(new RegExp(`^[^\\n]*: see "snap-volume ${words[0]} --help"$`))
      })
    }

    // each of these could be taken for something that changes data although it was not meant
    const doubtful: [what: string, words: string[]][] = [
      ['a switch with a value', ['prune', '--dry-run=yes']],
      ['a switch with an empty value', ['prune', '--dry-run=']],
      ['a switch with a value, also a harmless one', ['show', '--json=maybe']],
      ['a letter with a value', ['show', '-a=yes']],
      ['a letter with a value behind it', ['show', '-a1']],
      ['a switch with a dot', ['prune', '--dry-run.x']],
      ['a text with a dot', ['snapshot', '--message.x', 'text']],
      ['the negation of a list', ['restore', 'latest', '--no-volume']],
      ['the negation of a text', ['snapshot', '--no-message']],
      ['two comments', ['snapshot', '-m', 'one', '-m', 'other']],
      ['words behind --', ['prune', '--', 'more']],
      ['an option that it does not declare', ['prune', '--get-yargs-completions']],
    ]
    for (const [what, words] of doubtful) {
      it(`${what} (${words.join(' ')})`, async () => {
        await usageErrorOf(...words)
      })
    }

    it('a restore that does not say what', async () => {
      expect(await usageErrorOf('restore')).to.include('which snapshot?')
    })

    it('a restore of nothing', async () => {
      expect(await usageErrorOf('restore', '')).to.include('which snapshot?')
    })

    it('a shell that it has no completion for', async () => {
      expect(await usageErrorOf('completion', 'fish')).to.equal(
        'there is no completion for "fish": there is one for bash and zsh',
      )
    })

    it('to undo and to restore at once', async () => {
      expect(await usageErrorOf('restore', 'latest', '--undo')).to.include('--undo goes back')
    })

    it('to undo a part', async () => {
      expect(await usageErrorOf('restore', '--undo', '--volume', 'a')).to.include(
        '--undo goes back',
      )
    })

    const wrongPairs = [
      ['--as', 'b'],
      ['--volume', 'a', '--volume', 'b', '--as', 'c'],
      ['--volume', 'a', '--as', 'b', '--as', 'c'],
      ['--volume', 'a', '--as', 'c', '--volume', 'b', '--as', 'c'],
    ]
    for (const words of wrongPairs) {
      it(`a restore of other volumes than it names places for: ${words.join(' ')}`, async () => {
        expect(await usageErrorOf('restore', 'latest', ...words)).to.match(/^--as /)
      })
    }

    it('to undo into another volume', async () => {
      expect(await usageErrorOf('restore', '--undo', '--as', 'a')).to.include('--undo goes back')
    })

    for (const label of ['', 'a', '=b', '__proto__=x', 'a b=c', '\u001b=x']) {
      it(`the label ${JSON.stringify(label)}`, async () => {
        expect(await usageErrorOf('snapshot', '--label', label)).to.include('is not a label')
      })
    }

    it('a start with a wrong setting before anything else', async () => {
      const error = await rejectionOf(run(['start', 'a:/x'], { SNAP_MAX: '0' }))
      expect(error.message).to.include('SNAP_MAX is "0"')
    })

    it('a start with a wrong volume', async () => {
      expect(await usageErrorOf('start', 'a:/x', 'a:/y')).to.include(
        'the volume id a is given twice',
      )
    })

    it('a start with a number for a volume', async () => {
      expect(await usageErrorOf('start', '007')).to.include('"007" is not a volume')
    })

    it('a start with a schedule that is none', async () => {
      const error = await rejectionOf(run(['start', 'a:/x'], { SNAP_CRON: 'nonsense' }))
      expect(error).to.be.instanceOf(UsageError)
      expect(error.message).to.include('SNAP_CRON is "nonsense"')
    })

    it('a store that is not there, which is no wrong usage', async () => {
      const error = await rejectionOf(run(['show']))
      expect(error).to.be.instanceOf(OperationError)
      expect(error).not.to.be.instanceOf(UsageError)
    })
  })

  describe('shows', () => {
    beforeEach(() => {
      createStore(directory.path)
      plantSnapshot(storeLayout(directory.path), name, { comment: 'hello' })
    })

    it('the snapshots', async () => {
      expect((await run(['show'])).output).to.match(/^@GMT-2026\.11\.20-03\.00\.00 +9h /m)
    })

    it('one document to programs', async () => {
      const { output } = await run(['show', '--json'])
      expect(output).to.match(/^[^\n]*\n$/)
      expect((JSON.parse(output) as { snapshots: unknown[] }).snapshots).to.have.length(1)
    })

    it('the record of one snapshot', async () => {
      expect((await run(['show', 'latest'])).output).to.match(/^comment +hello$/m)
    })

    it('the record of one snapshot to programs, with where it is', async () => {
      expect(JSON.parse((await run(['show', name, '--json'])).output)).to.include({
        name,
        directory: `${directory.path}/${name}`,
      })
    })

    it('a snapshot that is named by a number', async () => {
      expect((await run(['show', '2026', '--json'])).output).to.include(name)
    })

    for (const word of ['20261120', '1e3', '0x10', '007', 'true', 'toString']) {
      it(`that ${word} stays the text it is`, async () => {
        const error = await rejectionOf(run(['show', word]))
        expect(error.message).to.include(`there is no snapshot "${word}"`)
      })
    }

    it('no list when an empty reference is given', async () => {
      const error = await rejectionOf(run(['show', '']))
      expect(error.message).to.include('there is no snapshot ""')
    })

    it('a variable that it does not know, on standard error', async () => {
      expect((await run(['show', '--json'], { SNAP_MAXX: '1' })).messages).to.equal(
        'warning: SNAP_MAXX is not a variable of this program and has no effect, did you mean SNAP_MAX?\n',
      )
    })

    it('that warning once, also for one snapshot', async () => {
      const { messages } = await run(['show', 'latest'], { SNAP_MAXX: '1' })
      expect(messages.match(/warning/g)).to.have.length(1)
    })
  })

  describe('tells Samba', () => {
    beforeEach(() => {
      writeSavedConfig(createStore(directory.path), {
        schema: 1,
        volumes: [{ id: 'data', path: '/srv/data' }],
        cron: '0 3 * * *',
        checksumCron: '',
        changeLimit: 90,
        timeZone: 'GMT',
        maxSnapshots: 7,
        prune: 'careful',
        engine: 'auto',
        exclude: [],
        onUnreadable: 'fail',
        quiesce: 'none',
        hasDockerApi: false,
        storeAbilities: { lacks: [], mtimeStepNs: 1 },
        startedAt: '2026-11-20T03:00:00.000Z',
        program: programVersion,
      })
    })

    it('of the volumes of the last start', async () => {
      const { output } = await run(['samba-config'])
      expect(output).to.match(/^\[data\]\n +path = \/srv\/data$/m)
    })

    it('where it finds them', async () => {
      const words = ['samba-config', 'data:/export/data', '--store', '/export/.snapshot']
      const { output } = await run(words)
      expect(output)
        .to.match(/^ +path = \/export\/data$/m)
        .and.match(/^ +shadow:snapdir = \/export\/\.snapshot$/m)
    })

    it('in one document to programs', async () => {
      const { output } = await run(['samba-config', '--json'])
      expect(output).to.match(/^[^\n]*\n$/)
      expect(JSON.parse(output)).to.include({ schema: 1, store: directory.path })
    })

    it('nothing of what is wrong: that goes to standard error', async () => {
      chmodSync(directory.path, 0o700)
      const { output, messages } = await run(['samba-config'])
      expect(messages).to.match(/^warning: users cannot enter the store .*\n$/)
      expect(output).not.to.include('warning')
    })
  })
})

describe('findCommand', () => {
  for (const command of commands) {
    it(`finds ${command.name}`, () => {
      expect(findCommand(commands, command.name)).to.equal(command)
    })
  }
})
