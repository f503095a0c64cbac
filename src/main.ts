#!/usr/bin/env node
import { runProgram } from './cli/program.ts'
import { OperationError, exitCodes, errorCode, messageOf } from './errors.ts'
import { printable } from './system/printable.ts'
import { systemClock } from './system/clock.ts'

const oldestNode = 24

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interruption.abort())

// a reader that ends early, such as head(1), is no failure
process.stdout.on('error', (error) => {
  if (errorCode(error) !== 'EPIPE') throw error
})

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
  process.exitCode = report(error)
}

function assertNode(): void {
  if (Number.parseInt(process.versions.node, 10) >= oldestNode) return
  throw new OperationError(
    `Node ${process.versions.node} is too old: run it with Node ${oldestNode} or newer, or use the image`,
  )
}

function report(error: unknown): number {
  const isExpected = error instanceof OperationError
  const exitCode = isExpected ? error.exitCode : exitCodes.failed
  const message = isExpected
    ? error.message
    : `${messageOf(error)}; this was not foreseen, SNAP_LOG_LEVEL=debug shows where it happened`
  process.stderr.write(`snap-volume: ${printable(message.replaceAll('\n', ' '))}\n`)
  if (!isExpected && process.env['SNAP_LOG_LEVEL'] === 'debug' && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`)
  }
  if (words.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ type: 'error', message, exitCode })}\n`)
  }
  return exitCode
}
