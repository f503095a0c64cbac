import { Readable, Writable } from 'node:stream'
import type { Terminal } from '../../../src/system/terminal.ts'

export interface FakeTerminal {
  terminal: Terminal
  /** All that was written to standard output so far. */
  output: () => string
  /** All that was written to standard error so far. */
  messages: () => string
}

/** What a program sees that runs without a terminal, such as in a pipe. */
export function fakeTerminal(): FakeTerminal {
  const [stdout, output] = collector()
  const [stderr, messages] = collector()
  const stdin = Readable.from([]) as unknown as NodeJS.ReadStream
  return { terminal: { stdin, stdout, stderr }, output, messages }
}

function collector(): [stream: NodeJS.WriteStream, text: () => string] {
  const chunks: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _, done) {
      chunks.push(chunk)
      done()
    },
  })
  return [stream as unknown as NodeJS.WriteStream, () => chunks.join('')]
}
