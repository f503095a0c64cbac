import { expect } from 'chai'
import type { Finished } from './cli.ts'

/**
 * Expects that the program refused: one line of its own on standard error that fits `message`,
 * foreseen, without a stack, and nothing on standard output.
 */
export function expectRefusal(finished: Finished, exitCode: number, message: RegExp): void {
  const lines = finished.stderr.split('\n').filter((line) => line !== '')
  const own = lines.filter((line) => line.startsWith('snap-volume: '))
  const others = lines.filter(
    (line) => !/^(snap-volume|warning|(snapshot|restore|subvolume) of \S+): /.test(line),
  )
  expect(own, finished.stderr + finished.stdout).to.have.length(1)
  expect(own[0]).to.match(message).and.not.include('not foreseen')
  expect(others, 'other lines on standard error').to.deep.equal([])
  expect(finished.stdout).to.equal('')
  expect(finished.exitCode).to.equal(exitCode)
}
