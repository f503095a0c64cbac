import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Run } from '../command.ts'
import type { Contender } from '../measure.ts'

const program = fileURLToPath(new URL('walker.c', import.meta.url))

/** What the kernel alone needs to link `source` from `base`, which has the same files. */
export async function compileWalker(
  run: Run,
  source: string,
  base: string,
  directory: string,
): Promise<Contender> {
  const walker = join(directory, 'walker')
  const target = join(directory, 'target')
  await run(['gcc', '-O2', '-Wall', '-Wextra', '-Werror', '-o', walker, program])
  return {
    name: 'C walker, two processes',
    async run() {
      await run([walker, source, base, target])
    },
    async cleanUp() {
      await run(['rm', '-rf', target])
    },
  }
}
