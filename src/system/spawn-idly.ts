/**
 * Runs this program with other words in a process of its own, at the priority of what nobody waits
 * for, and gives what it prints. InterruptedError is not thrown: whoever aborts knows it.
 */
export async function spawnIdly(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<{ stdout: string; stderr: string }> {
  const { execa } = await import('execa')
  const program = [process.execPath, process.argv[1] ?? '', ...words]
  return execa('nice', ['-n', '19', 'ionice', '-c', '3', ...program], {
    env: environment,
    extendEnv: false,
    reject: false,
    cancelSignal: signal,
    stdin: 'ignore',
  })
}
