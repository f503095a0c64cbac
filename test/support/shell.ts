import { execa } from 'execa'

/**
 * Runs a shell script in `directory` and gives its standard output; throws when a command in it
 * fails.
 */
export async function shellIn(directory: string, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await execa('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: directory,
    env: { LC_ALL: 'C', TZ: 'UTC' },
    reject: false,
  })
  if (exitCode !== 0) throw new Error(`the script failed in ${directory}: ${stderr}`)
  return stdout
}
