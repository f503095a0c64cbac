import type { BytePath } from './byte-path.ts'

/**
 * As rsync prints paths in the C locale: all but printable ASCII as `\#` and three octal digits,
 * and the backslash of a path's own `\#123` likewise.
 */
export function escapePath(path: BytePath): string {
  return path.replace(/[^ -~]|\\(?=#[0-7]{3})/g, (byte) => {
    return `\\#${byte.charCodeAt(0).toString(8).padStart(3, '0')}`
  })
}

export function unescapePath(printed: string): BytePath {
  return printed.replace(/\\#([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
