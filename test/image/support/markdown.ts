import { readFile } from 'node:fs/promises'
import { expect } from 'chai'

/** The commands in the code blocks under a heading, until the next one; lines that end with `\` go on. */
export async function commandsInSection(file: string, heading: string): Promise<string[]> {
  const text = await readFile(file, 'utf8')
  const sections = text.split(/^(?=#+ )/m)
  const section = sections.find((each) => each.split('\n')[0]?.replace(/^#+ /, '') === heading)
  expect(section, `the heading "${heading}" in ${file}`).not.to.equal(undefined)
  const blocks = [...(section ?? '').matchAll(/^```\n(.*?)^```$/gms)].map(([, block = '']) => block)
  return blocks.flatMap((block) => block.split(/(?<!\\)\n/)).filter((line) => line !== '')
}
