const commentMarks = Buffer.from('#;')

/**
 * The options and the standard input by which rsync takes listed paths (NUL after each). With
 * --from0 too, it passes over those that begin like a comment; with a slash before they are the
 * same paths to it.
 */
export function filesFrom(paths: Uint8Array): { options: readonly string[]; input: Buffer } {
  const list = Buffer.from(paths.buffer, paths.byteOffset, paths.length)
  return { options: ['--files-from=-', '--from0'], input: withoutComments(list) }
}

function withoutComments(list: Buffer): Buffer {
  const parts: Buffer[] = []
  let kept = 0
  for (let start = 0; start < list.length; start = list.indexOf(0, start) + 1) {
    if (!commentMarks.includes(list[start] ?? 0)) continue
    parts.push(list.subarray(kept, start), Buffer.from('/'))
    kept = start
  }
  return parts.length === 0 ? list : Buffer.concat([...parts, list.subarray(kept)])
}
