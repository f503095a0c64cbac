import { execFileSync } from 'node:child_process'

const program = 'mkfifo'

/** Makes a FIFO, which blocks whoever opens it carelessly. */
export function makeFifo(path: string): void {
  execFileSync(program, [path])
}
