import type { ContainerCreateOptions } from 'dockerode'
import { shellWord } from '../system/shell-word.ts'

/** The same container as a `docker run`, for a person to look at or to run. */
export function formatRun({ HostConfig = {}, ...options }: ContainerCreateOptions): string {
  const { Image = '', Cmd = [], Env = [], Entrypoint, User = '', WorkingDir = '' } = options
  const [program, ...first] = typeof Entrypoint === 'string' ? [Entrypoint] : (Entrypoint ?? [])
  const mounts = (HostConfig.Mounts ?? []).map(
    ({ Source, Target, ReadOnly }) => `${Source}:${Target}${ReadOnly === true ? ':ro' : ''}`,
  )
  const words = [
    'docker run -d',
    `--name ${shellWord(options.name ?? '')}`,
    `--network ${HostConfig.NetworkMode ?? 'none'}`,
    ...mounts.map((mount) => `-v ${shellWord(mount)}`),
    ...Env.map((line) => `-e ${shellWord(line)}`),
    ...(User === '' ? [] : [`--user ${shellWord(User)}`]),
    ...(WorkingDir === '' ? [] : [`--workdir ${shellWord(WorkingDir)}`]),
    ...(program === undefined ? [] : [`--entrypoint ${shellWord(program)}`]),
    ...[Image, ...first, ...Cmd].map(shellWord),
  ]
  return words.join(' ')
}
