/**
 * What roff reads as something else, or prints as another character than a shell takes
 * (groff_char(7)).
 */
const glyphs: Readonly<Record<string, string>> = {
  '\\': String.raw`\(rs`,
  '-': String.raw`\-`,
  "'": String.raw`\(aq`,
  '"': String.raw`\(dq`,
  '`': String.raw`\(ga`,
  '^': String.raw`\(ha`,
  '~': String.raw`\(ti`,
}

/**
 * A text as roff(7) prints it character by character, so that it can be copied from the page: as
 * lines of the page, or within the quotes of an argument of a macro.
 */
export function roffText(text: string): string {
  return text
    .replaceAll(/[\\\-'"`^~]/g, (character) => glyphs[character] ?? character)
    .replaceAll(/[^\0-\u007f]/gu, formatCodePoint)
    .replaceAll(/^\./gm, String.raw`\&.`)
}

function formatCodePoint(character: string): string {
  const digits = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
  return String.raw`\[u${digits}]`
}
