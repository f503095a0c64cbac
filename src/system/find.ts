import { ProgramError } from '../errors.ts'
import { type SpawnOptions, spawn } from './spawn.ts'

/**
 * Runs find(1) in a directory, whose output `onOutput` gets. What is mounted inside is left out, and
 * what goes while it looks is no failure. Throws ProgramError where something cannot be read.
 */
export async function find(
  directory: string,
  words: readonly string[],
  options: Pick<SpawnOptions, 'signal'> & Required<Pick<SpawnOptions, 'onOutput'>>,
): Promise<void> {
  const { exitCode, stderr } = await spawn('find', ['.', '-xdev', ...words], {
    ...options,
    cwd: directory,
  })
  if (exitCode === 0) return

  const lines = stderr.split('\n').filter((line) => line !== '')
  const isLiveOnly =
    lines.length > 0 && lines.every((line) => line.endsWith(': No such file or directory'))
  if (isLiveOnly) return
  throw new ProgramError(`${directory} cannot be read: ${lines[0] ?? 'find failed'}`, stderr)
}
