import { type BytePath, bytePath, displayPath } from '../../tree/byte-path.ts'

/**
 * A path in a document of JSON: as text, and where it is no UTF-8 also its bytes, as base64 in
 * `pathBytes` beside `path`.
 */
export function pathFields(name: string, path: BytePath): Record<string, string> {
  const text = displayPath(path)
  if (bytePath(text) === path) return { [name]: text }
  return { [name]: text, [`${name}Bytes`]: Buffer.from(path, 'latin1').toString('base64') }
}
