import type { DockerClient } from '../../docker/client.ts'
import type { Consumer } from '../../docker/consumers.ts'
import type { HookPoint } from '../../docker/labels.ts'
import { isUp } from '../../docker/quiesce-plan.ts'
import { type HookSession, openHookSession, runConsumerHook } from '../../docker/run-hook.ts'
import { HookError, messageOf, throwIfInterrupted } from '../../errors.ts'
import type { HookRecord, RecordWarning } from '../../store/record.ts'
import { runShell } from '../../system/run-shell.ts'
import type { ActionContext } from '../context.ts'
import type { HoldPurpose } from './hold.ts'

/** What post hooks are told. */
export interface HookOutcome {
  error: string | undefined
}

/** The hooks of one run: what ran, and what is open. */
export interface Hooks {
  readonly records: readonly HookRecord[]
  readonly warnings: readonly RecordWarning[]
  /** Whether there is any hook for this kind of run. */
  readonly exist: boolean
  /** Ids of consumers whose pre hook did what it should, and whose session lasted. */
  readonly done: ReadonlySet<string>
  /** Whether the sidecar's own pre hook did. */
  readonly ownIsDone: boolean
  /** Throws HookError when one fails that must not (on-error fail). */
  runPre(): Promise<void>
  /** Ends the sessions; throws like runPre when one did not last. */
  endSessions(): Promise<void>
  /** In reverse order, whatever happened; failures become warnings. */
  runPost(outcome: HookOutcome): Promise<void>
}

/**
 * Hooks around a snapshot or a restore: in the sidecar, then in the consumers that run, in the
 * order of their stop-order. One that cannot be run, because its container is paused or about to be
 * started again, has failed.
 */
export function createHooks(
  context: Pick<ActionContext, 'hooks' | 'emit' | 'signal'>,
  client: DockerClient | undefined,
  { kind, snapshot }: HoldPurpose,
  consumers: readonly Consumer[],
): Hooks {
  const { commands, timeoutMs, environment } = context.hooks
  const pre: HookPoint = `pre-${kind}`
  const post: HookPoint = `post-${kind}`
  const records: HookRecord[] = []
  const warnings: RecordWarning[] = []
  const done = new Set<string>()
  const sessions: { consumer: Consumer; session: HookSession }[] = []
  let ownIsDone = false
  let isBegun = false
  const withHooks = consumers
    .filter((consumer) => isUp(consumer) && Object.keys(consumer.policy.hooks).length > 0)
    .toSorted((one, other) => one.policy.stopOrder - other.policy.stopOrder)

  const tell = (point: HookPoint): string[] => [`SNAP_HOOK=${point}`, `SNAP_SNAPSHOT=${snapshot}`]

  function note(record: HookRecord): void {
    records.push(record)
    context.emit({ type: 'hook', ...record })
  }

  /** Undefined when it went well, else what there is to say. */
  function judge(record: HookRecord): string | undefined {
    note(record)
    if (record.outcome === 'done') return undefined
    const where = record.container === null ? '' : ` of the container ${record.container}`
    const how =
      record.outcome === 'timeout'
        ? `took longer than it may (${Math.round(record.ms / 1000)} s)`
        : `failed (exit code ${record.exitCode ?? 'unknown'})`
    const last = record.output.trim().split('\n').at(-1) ?? ''
    return `the hook ${record.point}${where} ${how}${last === '' ? '' : `: ${last}`}`
  }

  function warn(message: string): void {
    warnings.push({ code: 'hook', message })
  }

  async function runOwn(
    point: HookPoint,
    told: readonly string[],
  ): Promise<HookRecord | undefined> {
    const command = commands[point]
    if (command === undefined) return undefined
    const result = await runShell(
      command,
      { ...environment, ...Object.fromEntries(told.map(splitPair)) },
      timeoutMs,
      // those after it run whatever happened
      point === pre ? context.signal : undefined,
    )
    return { point, container: null, ...result }
  }

  async function runPreOf(consumer: Consumer): Promise<void> {
    const hook = consumer.policy.hooks[pre]
    if (hook === undefined || client === undefined) return
    const { name, state } = consumer
    if (state !== 'running') {
      settle(consumer, `the hook ${pre} of the container ${name} cannot be run: it is ${state}`)
      return
    }
    const run = hook.session ? openHookSession : runConsumerHook
    const result = await run(client, consumer, pre, hook, tell(pre), context.signal)
    if ('end' in result) {
      sessions.push({ consumer, session: result })
      return
    }
    throwIfInterrupted(context.signal)
    settle(consumer, judge(result))
  }

  function settle(consumer: Consumer, problem: string | undefined): void {
    if (problem === undefined) {
      done.add(consumer.id)
    } else if (consumer.policy.hooks[pre]?.onError === 'continue') {
      warn(problem)
    } else {
      throw new HookError(
        `${problem}; nothing was ${kind === 'snapshot' ? 'published' : 'restored'}`,
        { fix: `put that right, or set the label snap-volume.${pre}.on-error=continue` },
      )
    }
  }

  return {
    records,
    warnings,
    done,
    get ownIsDone() {
      return ownIsDone
    },
    exist:
      commands[pre] !== undefined ||
      commands[post] !== undefined ||
      withHooks.some(({ policy }) => policy.hooks[pre] ?? policy.hooks[post]),
    async runPre() {
      isBegun = true
      const own = await runOwn(pre, tell(pre))
      throwIfInterrupted(context.signal)
      if (own !== undefined) {
        const problem = judge(own)
        if (problem !== undefined)
          throw new HookError(
            `${problem}; nothing was ${kind === 'snapshot' ? 'published' : 'restored'}`,
          )
        ownIsDone = true
      }
      for (const consumer of withHooks) {
        throwIfInterrupted(context.signal)
        await runPreOf(consumer)
      }
    },
    async endSessions() {
      const errors: unknown[] = []
      for (let open = sessions.pop(); open !== undefined; open = sessions.pop()) {
        try {
          const problem = judge(await open.session.end())
          settle(open.consumer, problem)
        } catch (error) {
          errors.push(error)
        }
      }
      if (errors.length > 0) throw errors[0]
    },
    async runPost({ error }) {
      if (!isBegun) return
      isBegun = false
      const told = [
        ...tell(post),
        `SNAP_RESULT=${error === undefined ? 'success' : 'failure'}`,
        ...(error === undefined ? [] : [`SNAP_ERROR=${error.replaceAll('\0', '')}`]),
      ]
      for (const consumer of withHooks.toReversed()) {
        const hook = consumer.policy.hooks[post]
        if (hook === undefined || client === undefined) continue
        try {
          const problem = judge(await runConsumerHook(client, consumer, post, hook, told))
          if (problem !== undefined) warn(problem)
        } catch (failure) {
          warn(
            `the hook ${post} of the container ${consumer.name} could not be run: ${messageOf(failure)}`,
          )
        }
      }
      const own = await runOwn(post, told)
      const problem = own === undefined ? undefined : judge(own)
      if (problem !== undefined) warn(problem)
    },
  }
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return [pair.slice(0, at), pair.slice(at + 1)]
}
