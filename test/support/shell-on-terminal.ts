import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ShellOnTerminal {
  /** Types a line, in which a TAB completes, and gives what it prints. */
  run(line: string): Promise<string>
  /**
   * The lines that appear when TAB is pressed behind `line`: none where that completes a word, or
   * nothing fits.
   */
  list(line: string): Promise<string[]>
  close(): Promise<void>
}

const longestWaitMs = 20_000
const prompt = '> '
const killLine = '\u0015'

/**
 * How each of them is started without anyone's configuration, and made to list all at the first
 * TAB.
 */
const shells = {
  bash: {
    command: 'bash --norc --noprofile -i',
    setUp: `PS1='${prompt}'; bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'`,
  },
  zsh: {
    command: 'zsh -f -i',
    setUp:
      `PROMPT='${prompt}'; LISTMAX=10000; unset zle_bracketed_paste; unsetopt prompt_sp prompt_cr list_ambiguous; ` +
      'autoload -Uz compinit; compinit -u -D',
  },
}

export type ShellName = keyof typeof shells
export const shellNames = Object.keys(shells) as ShellName[]

/** Starts an interactive shell, as a person has one; script(1) is its terminal. */
export async function startShell(name: ShellName): Promise<ShellOnTerminal> {
  const { command, setUp } = shells[name]
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString().replaceAll('\r', '')
  })

  async function appeared(text: string, from: number): Promise<void> {
    const signal = AbortSignal.timeout(longestWaitMs)
    while (!output.includes(text, from)) {
      await once(child.stdout, 'data', { signal }).catch((cause: unknown) => {
        throw new Error(`the shell did not print ${JSON.stringify(text)}:\n${output}`, { cause })
      })
    }
  }

  let count = 0
  /** Types, and gives the lines that appear before the next prompt. */
  async function type(keys: string): Promise<string[]> {
    count += 1
    const from = output.length
    const end = `end-${count}`
    child.stdin.write(`${keys}echo end-$((${count}))\n`)
    // the shell does not read single keys before it has printed its prompt
    // what was typed ahead may be echoed without an end of its line
    await appeared(`${end}\n${prompt}`, from)
    const [, ...lines] = output.slice(from).split('\n')
    return lines.slice(
      0,
      lines.findIndex((line) => line.startsWith(prompt) || line.endsWith(end)),
    )
  }

  await type(`stty cols 200 rows 60; ${setUp}\n`)
  return {
    run: async (line) => (await type(`${line}\n`)).join('\n'),
    list: async (line) => (await type(`${line}\t${killLine}`)).map((each) => each.trim()),
    async close() {
      child.stdin.end('exit\n')
      // one that waits for the end of a word that a test left open
      const timer = setTimeout(() => child.kill(), 5000)
      await once(child, 'close')
      clearTimeout(timer)
    },
  }
}
