import { execa } from 'execa'
import { expect } from 'chai'
import type { Command } from '../../../src/cli/command.ts'
import { commands } from '../../../src/cli/commands/index.ts'
import { commonOptions, formatOption, formatPositional } from '../../../src/cli/help.ts'
import { formatManPage } from '../../../src/cli/man-page.ts'
import { overview } from '../../../src/cli/overview.ts'
import { describeVariables } from '../../../src/config/settings.ts'
import { requireProgram } from '../../support/programs.ts'

const variables = describeVariables()
const page = formatManPage({ commands, variables, version: '1.2.3-rc.1' })

/** A command whose every text is one that roff would take for something else. */
const awkwardCommand: Command = {
  name: 'awkward-command',
  summary: '.SH is no heading',
  examples: [[String.raw`awkward-command 'a\nb' "c"`, "'tis \\fBnot\\fR bold"]],
  details: [".first\n'second\n\\third", '  .code\n    it "is" \\\n  done'],
  positionals: [{ name: 'what', describe: '..', required: true, many: true }],
  options: { 'no-value': { type: 'string', value: 'A"B', describe: '\\' } },
  run: () => Promise.resolve(0),
}
const awkwardPage = formatManPage({ commands: [awkwardCommand], variables, version: '1.2.3' })

async function groff(input: string, width = 80) {
  const words = ['-man', '-Tutf8', '-ww', '-P-cbou', `-rLL=${width}n`]
  return execa('groff', words, { input, reject: false })
}

/** A page as groff prints it, each run of spaces and line ends as one space. */
async function printed(input: string): Promise<string> {
  const { stdout } = await groff(input, 1000)
  return inOneLine(stdout)
}

function inOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}

describe('the man page', () => {
  describe('as groff prints it', () => {
    before(async function () {
      await requireProgram(this, 'groff')
    })

    for (const [what, text] of [
      ['the page', page],
      ['a page of awkward texts', awkwardPage],
    ] as const) {
      for (const width of [60, 80, 200]) {
        it(`gives no warning for ${what} in ${width} columns`, async () => {
          const { exitCode, stderr } = await groff(text, width)
          expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' })
        })
      }
    }

    it('names the program with what it does, and the version', async () => {
      const text = await printed(page)
      expect(text).to.include(`NAME snap-volume - ${overview.summary} SYNOPSIS`)
      expect(text).to.include('snap-volume 1.2.3-rc.1')
    })

    for (const command of commands) {
      const { name, summary, details = [], examples, positionals, options } = command

      it(`tells of ${name} with all that its help says`, async () => {
        const text = await printed(page)
        for (const part of [
          `snap-volume ${name}`,
          summary,
          ...details,
          ...examples.flatMap(([line, does]) => [`snap-volume ${line}`, does]),
          ...positionals.map((each) => `${formatPositional(each)} ${each.describe}`),
        ]) {
          expect(text).to.include(inOneLine(part))
        }
        for (const [option, declared] of Object.entries({ ...options, ...commonOptions })) {
          expect(text).to.include(`${formatOption(option, declared)} ${declared.describe}`)
        }
      })
    }

    it('tells of every variable, and its default', async () => {
      const text = await printed(page)
      for (const { name, describe: does, fallback } of variables) {
        const end = fallback === undefined ? '' : `; default: ${fallback}`
        expect(text).to.include(` ${name} ${does}${end} `)
      }
    })

    it('tells of every exit code', async () => {
      const text = await printed(page)
      for (const [code, meaning] of overview.exitCodes) {
        expect(text).to.include(` ${code} ${meaning} `)
      }
    })

    it('prints texts that roff would take for something else as they are', async () => {
      const text = await printed(awkwardPage)
      expect(text).to.include('awkward-command WHAT ... .SH is no heading')
      expect(text).to.include('.first \'second \\third .code it "is" \\ done WHAT ... ..')
      expect(text).to.include('--no-value A"B \\ Examples:')
      expect(text).to.include(`snap-volume awkward-command 'a\\nb' "c" 'tis \\fBnot\\fR bold`)
    })

    it('leaves indented lines of a command as they stand', async () => {
      const { stdout } = await groff(awkwardPage)
      expect(stdout).to.match(/\n( +)\.code\n\1 {2}it "is" \\\n\1done\n/)
    })
  })

  describe('as mandoc checks it', () => {
    before(async function () {
      await requireProgram(this, 'mandoc')
    })

    for (const [what, text] of [
      ['the page', page],
      ['a page of awkward texts', awkwardPage],
    ] as const) {
      it(`has nothing to warn of in ${what} but the date, which is left out`, async () => {
        const { stdout } = await execa('mandoc', ['-Tlint', '-Wwarning'], {
          input: text,
          reject: false,
        })
        expect(stdout).to.equal('mandoc: <stdin>:1:20: WARNING: missing date, using "": TH')
      })
    }
  })
})
