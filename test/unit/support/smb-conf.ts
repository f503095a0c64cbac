type Section = Record<string, string>

/** What isspace(3) takes for one in the locale of smbd, which knows no others of Unicode. */
const blanks = /[ \t\v\f]+/g

/**
 * Reads smb.conf as smbd does: lines that begin with # or ; are comments, a \ at the end continues
 * a line, blanks side by side are one, quotation marks around a value go, `globals` is `global`,
 * and sections that differ in case only are one.
 */
export function readSmbConf(text: string): Record<string, Section> {
  const sections: Record<string, Section> = { global: {} }
  let section = sections['global'] ?? {}
  const lines = text.replaceAll(/\\[ \t]?\n/g, '').split(/[\n\r]/)
  for (const line of lines.map((each) => each.replaceAll(blanks, ' ').replaceAll(/^ | $/g, ''))) {
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    if (line.startsWith('[')) {
      const name = line
        .slice(1, line.indexOf(']'))
        .toLowerCase()
        .replace(/^globals$/, 'global')
      section = sections[name] ??= {}
      continue
    }
    const [, name = '', value = ''] = /^([^=]*?) ?= ?(.*)$/.exec(line) ?? []
    section[name] = value.replaceAll(/^"|"$/g, '').replaceAll(/%./g, '(replaced)')
  }
  return sections
}
