import type { Context } from 'mocha'
import { execa } from 'execa'
import { skipBecause } from './skip.ts'

/**
 * Skips the test, or the suite when called in its `before`, where a program of its name is not
 * installed.
 */
export async function requireProgram(context: Context, name: string): Promise<void> {
  const { exitCode } = await execa('which', [name], { reject: false })
  if (exitCode !== 0) skipBecause(context, `${name} is not installed: apt-get install ${name}`)
}
