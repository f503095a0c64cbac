const headerBytes = 8
const toStderr = 2

/**
 * Takes apart what a command without a terminal prints: frames of one byte that says where to,
 * three of nothing, four of a length, and so many of output (Docker API, "Attach to a container",
 * stream format). One frame after the other in a loop: a command may print thousands of tiny ones
 * at a time.
 */
export function demux(
  stream: NodeJS.ReadableStream,
  stdout: NodeJS.WritableStream,
  stderr: NodeJS.WritableStream,
): void {
  let pending: Buffer = Buffer.alloc(0)
  let target = stdout
  let left = 0
  stream.on('data', (chunk: Buffer) => {
    const input = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    let at = 0
    while (at < input.length) {
      if (left === 0) {
        if (input.length - at < headerBytes) break
        target = input[at] === toStderr ? stderr : stdout
        left = input.readUInt32BE(at + 4)
        at += headerBytes
      } else {
        const part = input.subarray(at, at + left)
        target.write(part)
        left -= part.length
        at += part.length
      }
    }

    pending = input.subarray(at)
  })
}
