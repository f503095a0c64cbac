#!/usr/bin/env node
import { runProgram } from './cli/program.ts'
import { reportError } from './cli/report-error.ts'
import { OperationError, errorCode, hangUp } from './errors.ts'
import { systemClock } from './system/clock.ts'

const oldestNode = 24

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', hangUp] as const) {
  process.on(name, () => interruption.abort(name))
}

// a reader that ends early, such as head(1), is no failure, and neither is a terminal that is
// closed
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    const isGone = errorCode(error) === 'EPIPE' || (stream.isTTY && errorCode(error) === 'EIO')
    if (!isGone) throw error
  })
}

const words = process.argv.slice(2)
try {
  assertNode()
  process.exitCode = await runProgram(words, {
    terminal: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
    environment: process.env,
    clock: systemClock,
    signal: interruption.signal,
  })
} catch (error) {
  process.exitCode = reportError(error, process, {
    json: words.includes('--json'),
    debug: process.env['SNAP_LOG_LEVEL'] === 'debug',
  })
}
// Without this node takes its heap apart first, for about 10 ms. What a slow reader has not taken
// yet would be lost.
if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit()

function assertNode(): void {
  if (Number.parseInt(process.versions.node, 10) >= oldestNode) return
  throw new OperationError(`Node ${process.versions.node} is too old`, {
    fix: `run it with Node ${oldestNode} or newer, or use the image`,
  })
}
