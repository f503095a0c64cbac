import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { Context } from 'mocha'
import { messageOf } from '../../src/errors.ts'
import { skipBecause } from './skip.ts'

export interface HeldNamespace {
  /** Before a command that is to run in it, as its root. */
  through: readonly string[]
  remove(): Promise<void>
}

/**
 * A user namespace with maps as in /proc/PID/uid_map (`inside outside count` a line), for users and
 * groups; or skips the tests of `context` where this machine makes none.
 */
export async function userNamespaceOrSkip(
  context: Context,
  users: string,
  groups = users,
): Promise<HeldNamespace> {
  const holder = spawn('unshare', ['--user', 'sh', '-c', 'echo made; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await made(holder)
    writeFileSync(`/proc/${holder.pid}/uid_map`, users)
    writeFileSync(`/proc/${holder.pid}/gid_map`, groups)
  } catch (error) {
    holder.kill('SIGKILL')
    skipBecause(context, `no user namespace: ${messageOf(error)}`)
  }
  return {
    through: ['nsenter', '--user', `--target=${holder.pid}`, '--setuid=0', '--setgid=0'],
    async remove() {
      holder.kill('SIGKILL')
      if (holder.exitCode === null && holder.signalCode === null) await once(holder, 'exit')
    },
  }
}

async function made(holder: ChildProcess): Promise<void> {
  const ended = once(holder, 'exit').then(() => {
    throw new Error('unshare(1) is refused')
  })
  if (holder.stdout === null) throw new Error('unshare(1) has no output')
  await Promise.race([once(holder.stdout, 'data'), ended])
}
