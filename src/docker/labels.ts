import { type QuiescePolicy, quiescePolicies } from '../config/choices.ts'
import { parseOneOf, parseSwitch, parseTimeoutMs } from '../config/variables.ts'

const prefix = 'snap-volume.'
const defaultTimeoutMs = 30_000

export const hookPoints = ['pre-snapshot', 'post-snapshot', 'pre-restore', 'post-restore'] as const
export type HookPoint = (typeof hookPoints)[number]

/** A command to run in a consumer. */
export interface ConsumerHook {
  /** For `sh -c` in the container. */
  command: string
  /** As `docker exec --user`; undefined for the container's own. */
  user: string | undefined
  timeoutMs: number
  onError: 'fail' | 'continue'
  /**
   * It stays open until the data have been read: it says `ready` and ends when its standard input
   * does.
   */
  session: boolean
}

/** What the labels of a container say. */
export interface ConsumerPolicy {
  /** Undefined where SNAP_QUIESCE decides. */
  quiesce: QuiescePolicy | undefined
  /** What a restore does with it. */
  restore: QuiescePolicy
  /** Those with the lowest number are stopped first and started last. */
  stopOrder: number
  /** What is done when a pause that failed has left it frozen. */
  onFrozen: 'tell' | 'restart'
  hooks: Partial<Record<HookPoint, ConsumerHook>>
  /** What has to succeed in a copy of it, for `sh -c`, before its data are proved. */
  prove: string | undefined
  /** Labels that say nothing that can be done, each as a line. */
  problems: string[]
}

/**
 * Reads the labels of a container; what cannot be understood is told of, and as if it were not
 * there.
 */
export function readPolicy(labels: Readonly<Record<string, string>>): ConsumerPolicy {
  const problems: string[] = []

  function read<T>(
    name: string,
    expected: string,
    parse: (text: string) => T | undefined,
  ): T | undefined {
    const text = labels[prefix + name]
    if (text === undefined) return undefined

    const value = parse(text)
    if (value === undefined) {
      problems.push(`the label ${prefix}${name} is ${JSON.stringify(text)}: it must be ${expected}`)
    }
    return value
  }

  const policies = `one of ${quiescePolicies.join(', ')}`
  const hooks: ConsumerPolicy['hooks'] = {}
  for (const point of hookPoints) {
    const command = labels[prefix + point]
    if (command === undefined || command.trim() === '') continue

    hooks[point] = {
      command,
      user: labels[`${prefix}${point}.user`],
      timeoutMs:
        read(`${point}.timeout`, 'a time such as 30s or 10m, and at most 596h', parseTimeoutMs) ??
        defaultTimeoutMs,
      onError:
        read(`${point}.on-error`, 'fail or continue', parseOneOf(['fail', 'continue'])) ?? 'fail',
      session:
        (point === 'pre-snapshot' && read(`${point}.session`, 'true or false', parseSwitch)) ||
        false,
    }
  }

  return {
    quiesce: read('quiesce', policies, parseOneOf(quiescePolicies)),
    restore: read('restore', policies, parseOneOf(quiescePolicies)) ?? 'stop',
    stopOrder: read('stop-order', 'a whole number', parseOrder) ?? 0,
    onFrozen: read('on-frozen', 'tell or restart', parseOneOf(['tell', 'restart'])) ?? 'tell',
    hooks,
    prove: labels[`${prefix}prove`]?.trim() || undefined,
    problems,
  }
}

function parseOrder(text: string): number | undefined {
  return /^-?[0-9]{1,6}$/.test(text) ? Number(text) : undefined
}
