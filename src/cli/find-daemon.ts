import { existsSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { defaultPort } from '../config/address.ts'
import { readSettings } from '../config/settings.ts'
import type { Environment } from '../config/variables.ts'
import { errorCode } from '../errors.ts'
import type { Target } from '../remote/request.ts'
import { storeLayout } from '../store/layout.ts'

/** What a network alias may call the sidecar, and `--link mysql-vol:snap-volume` does. */
const linkAlias = 'snap-volume'

/**
 * The daemon to hand a command to: at SNAP_HOST, else none where the store is mounted, else the one
 * that is linked. Undefined when the command is to run here.
 */
export async function findDaemon(environment: Environment): Promise<Target | undefined> {
  const { host, token, storeDirectory } = readSettings(environment)
  if (host !== undefined) return { address: host, token }
  if (existsSync(storeLayout(storeDirectory).own) || !(await isLinked())) return undefined
  return { address: { protocol: 'http:', host: linkAlias, port: defaultPort }, token }
}

const attempts = 3
const betweenAttemptsMs = 500

/**
 * Whether that name is known. A resolver that is too busy to answer (EAI_AGAIN, getaddrinfo(3)) is
 * asked again.
 */
export async function isLinked(
  resolve: (name: string) => Promise<unknown> = lookup,
): Promise<boolean> {
  for (let left = attempts - 1; ; left -= 1) {
    try {
      await resolve(linkAlias)
      return true
    } catch (error) {
      if (errorCode(error) !== 'EAI_AGAIN' || left === 0) return false
      await sleep(betweenAttemptsMs)
    }
  }
}
