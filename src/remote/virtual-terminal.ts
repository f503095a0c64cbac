import { PassThrough, Writable } from 'node:stream'
import type { Terminal } from '../system/terminal.ts'
import type { TerminalShape } from './protocol.ts'
import type { Run } from './run.ts'

/**
 * A terminal that is elsewhere: what is printed on it goes to `run`, and so does its mode; what
 * `stdin` is given is read from it.
 */
export function createVirtualTerminal(
  shape: TerminalShape,
  run: Pick<Run, 'print' | 'readKeys'>,
  stdin: PassThrough,
  timeToAnswer: NonNullable<Terminal['timeToAnswer']>,
): Terminal {
  const streamOf = (name: 'stdout' | 'stderr'): NodeJS.WriteStream => {
    const stream = new Writable({
      decodeStrings: false,
      write(chunk: string | Buffer, _, done) {
        run.print(name, chunk.toString())
        done()
      },
    })
    return Object.assign(stream, shape[name]) as unknown as NodeJS.WriteStream
  }
  return {
    stdin: Object.assign(stdin, {
      isTTY: shape.canAnswer,
      setRawMode: (on: boolean) => run.readKeys(on),
    }) as unknown as NodeJS.ReadStream,
    stdout: streamOf('stdout'),
    stderr: streamOf('stderr'),
    timeToAnswer,
  }
}

/** For who reads JSON and not a terminal. */
export const noTerminal: TerminalShape = {
  canAnswer: false,
  stdout: { isTTY: false },
  stderr: { isTTY: false },
}
