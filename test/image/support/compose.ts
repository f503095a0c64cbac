import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect } from 'chai'
import { execa } from 'execa'

/** How Compose is called here; undefined where it is not installed. */
export async function findCompose(): Promise<string | undefined> {
  for (const command of ['docker compose', 'docker-compose']) {
    const { exitCode } = await execa('bash', ['-c', `${command} version`], { reject: false })
    if (exitCode === 0) return command
  }
  return undefined
}

/**
 * The commands under the heading, known by its beginning, in the comment at the top of a Compose
 * file.
 */
export async function commandsUnder(file: string, heading: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n')
  const begin = lines.findIndex((line) => line.startsWith(`# ${heading}`))
  expect(begin, `the heading "${heading}" in ${file}`).not.to.equal(-1)
  const commands = lines.slice(begin + 1)
  return commands
    .slice(
      0,
      commands.findIndex((line) => !line.startsWith('#   ')),
    )
    .map((line) => line.slice('#   '.length))
}

/**
 * Runs lines that begin with `docker compose`, in the directory of the first file and a project of
 * its own with more files, without a terminal.
 */
export function composeRunner(
  compose: string,
  project: string,
  files: readonly [string, ...string[]],
): (line: string) => Promise<string> {
  const options = files.map((file) => `--file '${file}'`).join(' ')
  return async (line) => {
    const words = line
      .replace(/^docker compose( -f \S+)?/, `${compose} --project-name ${project} ${options}`)
      .replace(/ exec (-T )?/, ' exec -T ')
    const cwd = dirname(files[0])
    return (await execa('bash', ['-c', words], { stdin: 'ignore', cwd })).stdout
  }
}
