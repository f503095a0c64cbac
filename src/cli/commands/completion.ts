import { UsageError, exitCodes } from '../../errors.ts'
import type { Command } from '../command.ts'

const shells = ['bash', 'zsh'] as const
type Shell = (typeof shells)[number]

export const completionCommand: Command = {
  name: 'completion',
  summary: 'a script by which bash or zsh completes commands, options and snapshots',
  examples: [
    [
      'completion bash > /etc/bash_completion.d/snap-volume',
      'for bash with the package bash-completion; new shells have it',
    ],
    [
      'completion bash > ~/.snap-volume.bash',
      'for bash without it, and a line for ~/.bashrc: . ~/.snap-volume.bash',
    ],
    [
      'completion zsh > /usr/local/share/zsh/site-functions/_snap-volume',
      'for zsh, in a directory of its $fpath; ~/.zshrc has to call compinit',
    ],
  ],
  details: [
    'Where the program is in a container, let the image print the script, without -t:',
    '  docker run --rm snap-volume completion bash > /etc/bash_completion.d/snap-volume',
    'and give the shell a function of that name, in ~/.bashrc or ~/.zshrc:',
    '  snap-volume() {\n' +
      '    local terminal=()\n' +
      '    if [[ -t 0 && -t 1 ]]; then terminal=(-it); fi\n' +
      '    docker exec "${terminal[@]}" mysql-vol snap-volume "$@"\n' +
      '  }',
    'or the same with docker run --rm "${terminal[@]}" --volumes-from mysql-vol snap-volume "$@".',
    'For the names of the snapshots, TAB runs "snap-volume show --json", without input. Where that fails, it\n' +
      'offers latest only, and says nothing.',
  ],
  isLocal: true,
  positionals: [{ name: 'shell', describe: shells.join(' or '), required: true, offers: shells }],
  options: {},
  async run({ options, json, commands, terminal }) {
    const shell = parseShell(String(options['shell']))
    const { completionScript } = await import('../completion/script.ts')
    const script = completionScript(commands, shell)
    terminal.stdout.write(json ? `${JSON.stringify({ schema: 1, shell, script })}\n` : script)
    return exitCodes.done
  },
}

function parseShell(text: string): Shell {
  const shell = shells.find((known) => known === text)
  if (shell !== undefined) return shell
  throw new UsageError(`there is no completion for ${JSON.stringify(text)}`, {
    fix: `there is one for ${shells.join(' and ')}`,
  })
}
