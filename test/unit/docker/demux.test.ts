import { PassThrough } from 'node:stream'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { demux } from '../../../src/docker/demux.ts'

function frame(where: number, text: string): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(where)
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

/** What comes out when the bytes come in such pieces. */
function take(pieces: readonly Buffer[]): { stdout: string; stderr: string } {
  const streams = { input: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
  demux(streams.input, streams.stdout, streams.stderr)
  for (const piece of pieces) streams.input.emit('data', piece)
  return { stdout: textOf(streams.stdout), stderr: textOf(streams.stderr) }
}

function textOf(stream: PassThrough): string {
  return String((stream.read() as Buffer | null) ?? '')
}

describe('Output of a command in a container', () => {
  it('is taken apart wherever it was cut', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string()), { maxLength: 20 })
    const cuts = fc.array(fc.nat(400), { maxLength: 10 })
    fc.assert(
      fc.property(frames, cuts, (printed, places) => {
        const all = Buffer.concat(printed.map(([where, text]) => frame(where, text)))
        const sorted = [0, ...places.toSorted((one, other) => one - other), all.length]
        const pieces = sorted.map((start, index) => all.subarray(start, sorted[index + 1]))
        const said = (wanted: number): string =>
          printed.map(([where, text]) => (where === wanted ? text : '')).join('')
        expect(take(pieces)).to.deep.equal({ stdout: said(1), stderr: said(2) })
      }),
    )
  })

  it('may be many thousands of tiny pieces at a time', () => {
    const dots = Buffer.concat(Array.from({ length: 20_000 }, () => frame(1, '.')))
    expect(take([dots]).stdout).to.equal('.'.repeat(20_000))
  })
})
