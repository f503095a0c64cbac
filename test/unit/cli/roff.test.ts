import { execa } from 'execa'
import { expect } from 'chai'
import { roffText } from '../../../src/cli/roff.ts'
import { requireProgram } from '../../support/programs.ts'

/** What a reader sees of text in a page. */
async function printed(page: readonly string[]): Promise<string> {
  const { stdout, stderr } = await execa(
    'groff',
    ['-man', '-Tutf8', '-ww', '-P-cbou', '-rLL=200n'],
    { input: `${['.TH A 1', '.nh', '.ad l', '.SH TEXT', ...page].join('\n')}\n` },
  )
  expect(stderr).to.equal('')
  return stdout
}

describe('roffText', () => {
  before(async function () {
    await requireProgram(this, 'groff')
  })

  const texts: [what: string, text: string][] = [
    ['a backslash', String.raw`one \n two \fB three \\ \(aq four \e \*x`],
    ['hyphens', 'restore --dry-run -y half-done - and --'],
    ['quotes', `"both" and 'single' and \`back\` and it's`],
    ['a tilde and a circumflex', '~/.bashrc latest~2 ^C'],
    ['a dot at the beginning', '.bashrc'],
    ['a request at the beginning', '.so /etc/passwd'],
    ['a quote at the beginning', "'so /etc/passwd"],
    ['letters that are no ASCII', 'é ü 前 😀'],
    ['a dollar and braces', '$(touch x) ${HOME} "${terminal[@]}"'],
    ['nothing that is special', 'SNAP_MAX=128, a@b; 0 3 * * * [x] <y> #z %w &v !u'],
  ]
  for (const [what, text] of texts) {
    it(`prints ${what} as a line`, async () => {
      expect(await printed([roffText(text)])).to.include(` ${text}\n`)
    })

    it(`prints ${what} as the argument of a macro`, async () => {
      expect(await printed(['.TP', `.B "${roffText(text)}"`, 'text'])).to.include(` ${text}`)
    })
  }

  it('prints a dot at the beginning of the second line', async () => {
    expect(await printed(['.nf', roffText('one\n.two\n\\three'), '.fi'])).to.match(
      / one\n +\.two\n +\\three\n/,
    )
  })
})
