import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Environment, programFile } from './cli.ts'

/** The CLI on a terminal of its own, which is script(1). */
export interface OnTerminal {
  /** Presses keys, now. */
  type(keys: string): void
  /** Resolves when `text` has been printed. */
  appeared(text: string): Promise<void>
  /** Resolves when the program ended, with all that was printed. */
  end(): Promise<{ exitCode: number; text: string }>
}

const longestWaitMs = 20_000

/**
 * Starts the CLI with words that no shell has to quote; keys typed at once are there before it
 * reads any. `wrap` may put something around the command.
 */
export function launchOnTerminal(
  words: readonly string[],
  env: Environment,
  wrap: (command: string) => string = (command) => command,
): OnTerminal {
  const command = wrap([process.execPath, programFile, ...words].join(' '))
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', TERM: 'dumb', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString().replaceAll('\r', '')))
  return {
    type: (keys) => void child.stdin.write(keys),
    async appeared(wanted) {
      const signal = AbortSignal.timeout(longestWaitMs)
      while (!text.includes(wanted)) {
        await once(child.stdout, 'data', { signal }).catch((cause: unknown) => {
          throw new Error(`${JSON.stringify(wanted)} did not appear:\n${text}`, { cause })
        })
      }
    },
    async end() {
      await ended
      return { exitCode: child.exitCode ?? -1, text }
    },
  }
}
