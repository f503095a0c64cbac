import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { type Tree, walkTree } from '../../support/tree-walker.ts'

/** What the reference, `rsync -aHAXS --checksum`, makes of a source, walked. */
export async function walkReference(source: string): Promise<Tree> {
  const target = mkdtempSync(join(source, '..', 'reference-'))
  try {
    await execa('rsync', [
      '-aHAXS',
      '--checksum',
      '--numeric-ids',
      '-@-1',
      `${source}/`,
      `${target}/`,
    ])
    return walkTree(target)
  } finally {
    await execa('rm', ['-rf', target])
  }
}
