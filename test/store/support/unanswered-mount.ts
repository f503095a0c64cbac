import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { execa } from 'execa'
import { ownerId } from './hostile-owner.ts'

/**
 * Keeps /dev/fuse open and never answers, as a server that was stopped; so the kernel lets root see
 * EACCES, or wait. Ends after 40 seconds, which lets everybody go on who waits for it.
 */
const program = String.raw`
  exec 3<>/dev/fuse
  mount -i -t fuse -o "fd=3,rootmode=40000,user_id=$2,group_id=$2$3" unanswered "$1"
  exec setpriv --reuid="$2" --regid="$2" --clear-groups perl -e '
    $| = 1; print "mounted\n"; my $parent = getppid; my $ends = time + 40;
    select undef, undef, undef, 0.1 while time < $ends && getppid == $parent'
`

export interface UnansweredMount {
  /**
   * Ends the server: whoever looks there gets ENOTCONN then, and EACCES as before where only the
   * owner may look.
   */
  kill(): Promise<void>
  remove(): Promise<void>
}

/**
 * Mounts a filesystem of the owner on `path`, where nobody but him may look unless `isForAll`
 * (fuse(8), allow_other).
 */
export async function mountUnanswered(path: string, isForAll: boolean): Promise<UnansweredMount> {
  const options = isForAll ? ',allow_other' : ''
  const words = ['-euc', program, 'bash', path, String(ownerId), options]
  const child = spawn('bash', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'exit')
  await Promise.race([
    once(child.stdout, 'readable'),
    ended.then(() => Promise.reject(new Error('nothing was mounted'))),
  ])
  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await ended
  }
  return {
    kill,
    async remove() {
      await kill()
      await execa('umount', ['--lazy', path])
    },
  }
}

/** Why this machine has no such mounts, as one line for `skipBecause`; undefined if it has. */
export async function whyNoFuse(): Promise<string | undefined> {
  const { exitCode } = await execa('bash', ['-c', ': <>/dev/fuse'], { reject: false })
  return exitCode === 0 ? undefined : '/dev/fuse cannot be opened: modprobe fuse'
}
