import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { parse } from 'yaml'

/**
 * The commands in the code blocks under a heading, until the next one; lines that end with `\` go
 * on.
 */
export async function commandsInSection(file: string, heading: string): Promise<string[]> {
  const blocks = blocksIn(await readSection(file, heading), '')
  return blocks.flatMap((block) => block.split(/(?<!\\)\n/)).filter((line) => line !== '')
}

/** The labels in the YAML under a heading, as Compose understands them: it takes `$$` for `$`. */
export async function labelsInSection(
  file: string,
  heading: string,
): Promise<Record<string, string>> {
  const [block] = blocksIn(await readSection(file, heading), 'yaml')
  expect(block, `YAML under "${heading}" in ${file}`).not.to.equal(undefined)
  expect(block, 'what Compose would take for a variable').not.to.match(/(?<!\$)(\$\$)*\$(?!\$)/)
  return parse((block ?? '').replaceAll('$$', '$')) as Record<string, string>
}

async function readSection(file: string, heading: string): Promise<string> {
  const sections = (await readFile(file, 'utf8')).split(/^(?=#+ )/m)
  const section = sections.find((each) => each.split('\n')[0]?.replace(/^#+ /, '') === heading)
  expect(section, `the heading "${heading}" in ${file}`).not.to.equal(undefined)
  return section ?? ''
}

function blocksIn(section: string, language: string): string[] {
  const fenced = /^```(\w*)\n(.*?)^```$/gms
  return [...section.matchAll(fenced)]
    .filter(([, name]) => name === language)
    .map(([, , block = '']) => block)
}
