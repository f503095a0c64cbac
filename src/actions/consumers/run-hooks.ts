import { statusOf } from '../../docker/call.ts'
import type { DockerClient } from '../../docker/client.ts'
import type { Consumer } from '../../docker/consumers.ts'
import type { HookPoint } from '../../docker/labels.ts'
import { isUp } from '../../docker/quiesce-plan.ts'
import { type HookSession, openHookSession, runConsumerHook } from '../../docker/run-hook.ts'
import { HookError, OperationError, messageOf, throwIfInterrupted } from '../../errors.ts'
import type { HookRecord, RecordWarning } from '../../store/record.ts'
import { spawnShell } from '../../system/spawn-shell.ts'
import type { ActionContext } from '../context.ts'
import type { HoldPurpose } from './hold.ts'

type HookContext = Pick<ActionContext, 'hooks' | 'emit' | 'signal'>

/** What post hooks are told. */
export interface HookOutcome {
  error: string | undefined
}

/**
 * Hooks around a snapshot or a restore: in the sidecar, then in the consumers that run, in the
 * order of their stop-order. One that cannot be run, because its container is paused or about to be
 * started again, has failed.
 */
export class Hooks {
  /** Whether there is any hook for this kind of run. */
  readonly exist: boolean
  readonly #context: HookContext
  readonly #client: DockerClient | undefined
  readonly #purpose: HoldPurpose
  readonly #pre: HookPoint
  readonly #post: HookPoint
  readonly #consumers: readonly Consumer[]
  readonly #records: HookRecord[] = []
  readonly #warnings: RecordWarning[] = []
  readonly #done = new Set<string>()
  readonly #sessions: { consumer: Consumer; session: HookSession }[] = []
  #ownIsDone = false
  #isBegun = false

  constructor(
    context: HookContext,
    client: DockerClient | undefined,
    purpose: HoldPurpose,
    consumers: readonly Consumer[],
  ) {
    this.#context = context
    this.#client = client
    this.#purpose = purpose
    this.#pre = `pre-${purpose.kind}`
    this.#post = `post-${purpose.kind}`

    this.#consumers = consumers
      .filter((consumer) => isUp(consumer) && Object.keys(consumer.policy.hooks).length > 0)
      .toSorted((one, other) => one.policy.stopOrder - other.policy.stopOrder)

    const { commands } = context.hooks
    this.exist = [this.#pre, this.#post].some(
      (point) =>
        commands[point] !== undefined ||
        this.#consumers.some(({ policy }) => policy.hooks[point] !== undefined),
    )
  }

  /** What ran. */
  get records(): readonly HookRecord[] {
    return this.#records
  }

  get warnings(): readonly RecordWarning[] {
    return this.#warnings
  }

  /** Ids of consumers whose pre hook did what it should, and whose session lasted. */
  get done(): ReadonlySet<string> {
    return this.#done
  }

  /** Whether the sidecar's own pre hook did. */
  get ownIsDone(): boolean {
    return this.#ownIsDone
  }

  /** Throws HookError when one fails that must not (on-error fail). */
  async runPre(): Promise<void> {
    const { signal } = this.#context
    this.#isBegun = true
    const own = await this.#runOwn(this.#pre, this.#tell(this.#pre))
    throwIfInterrupted(signal)

    if (own !== undefined) {
      const problem = this.#judge(own)
      if (problem !== undefined) throw new HookError(`${problem}; ${this.#nothingWasDone()}`)
      this.#ownIsDone = true
    }

    for (const consumer of this.#consumers) {
      throwIfInterrupted(signal)
      await this.#runPreOf(consumer)
    }
  }

  /** Ends the sessions; throws like runPre when one did not last. */
  async endSessions(): Promise<void> {
    const errors: unknown[] = []
    const sessions = this.#sessions
    for (let open = sessions.pop(); open !== undefined; open = sessions.pop()) {
      try {
        const problem = this.#judge(await open.session.end())
        this.#settle(open.consumer, problem)
      } catch (error) {
        errors.push(error)
      }
    }

    if (errors.length > 0) throw errors[0]
  }

  /** In reverse order, whatever happened; failures become warnings. */
  async runPost({ error }: HookOutcome): Promise<void> {
    if (!this.#isBegun) return
    this.#isBegun = false
    const told = [
      ...this.#tell(this.#post),
      `SNAP_RESULT=${error === undefined ? 'success' : 'failure'}`,
      ...(error === undefined ? [] : [`SNAP_ERROR=${error.replaceAll('\0', '')}`]),
    ]

    for (const consumer of this.#consumers.toReversed()) await this.#runPostOf(consumer, told)

    const own = await this.#runOwn(this.#post, told)
    const problem = own === undefined ? undefined : this.#judge(own)
    if (problem !== undefined) this.#warn(problem)
  }

  async #runOwn(point: HookPoint, told: readonly string[]): Promise<HookRecord | undefined> {
    const { hooks, signal } = this.#context
    const command = hooks.commands[point]
    if (command === undefined) return undefined

    const result = await spawnShell(
      command,
      { ...hooks.environment, ...Object.fromEntries(told.map(splitPair)) },
      hooks.timeoutMs,
      // those after it run whatever happened
      point === this.#pre ? signal : undefined,
    )
    return { point, container: null, ...result }
  }

  async #runPreOf(consumer: Consumer): Promise<void> {
    const { signal } = this.#context
    const pre = this.#pre
    const hook = consumer.policy.hooks[pre]
    if (hook === undefined || this.#client === undefined) return

    const { name, state } = consumer
    if (state !== 'running') {
      const problem = `the hook ${pre} of the container ${name} cannot be run: it is ${state}`
      this.#settle(consumer, problem)
      return
    }

    const run = hook.session ? openHookSession : runConsumerHook
    let result: HookSession | HookRecord
    try {
      result = await run(this.#client, consumer, pre, hook, this.#tell(pre), signal)
    } catch (error) {
      if (!isDownByNow(error)) throw error
      this.#settle(
        consumer,
        `the hook ${pre} of the container ${name} cannot be run: ${messageOf(error)}`,
      )
      return
    }

    if ('end' in result) {
      this.#sessions.push({ consumer, session: result })
      return
    }

    throwIfInterrupted(signal)
    this.#settle(consumer, this.#judge(result))
  }

  async #runPostOf(consumer: Consumer, told: readonly string[]): Promise<void> {
    const post = this.#post
    const hook = consumer.policy.hooks[post]
    if (hook === undefined || this.#client === undefined) return

    try {
      const record = await runConsumerHook(this.#client, consumer, post, hook, told)
      const problem = this.#judge(record)
      if (problem !== undefined) this.#warn(problem)
    } catch (failure) {
      this.#warn(
        `the hook ${post} of the container ${consumer.name} could not be run: ${messageOf(failure)}`,
      )
    }
  }

  /** What a pre hook has come to: without a problem, its consumer holds the data. */
  #settle(consumer: Consumer, problem: string | undefined): void {
    if (problem === undefined) {
      this.#done.add(consumer.id)
    } else if (consumer.policy.hooks[this.#pre]?.onError === 'continue') {
      this.#warn(problem)
    } else {
      throw new HookError(`${problem}; ${this.#nothingWasDone()}`, {
        fix: `put that right, or set the label snap-volume.${this.#pre}.on-error=continue`,
      })
    }
  }

  /** Notes what ran. Undefined when it went well, else what there is to say. */
  #judge(record: HookRecord): string | undefined {
    this.#records.push(record)
    this.#context.emit({ type: 'hook', ...record })
    return record.outcome === 'done' ? undefined : describeProblem(record)
  }

  #warn(message: string): void {
    this.#warnings.push({ code: 'hook', message })
  }

  #tell(point: HookPoint): string[] {
    return [`SNAP_HOOK=${point}`, `SNAP_SNAPSHOT=${this.#purpose.snapshot}`]
  }

  #nothingWasDone(): string {
    return `nothing was ${this.#purpose.kind === 'snapshot' ? 'published' : 'restored'}`
  }
}

/** Whether the container ended, or waits to be started again, since it was found running. */
function isDownByNow(error: unknown): boolean {
  const status = error instanceof OperationError ? statusOf(error.cause) : undefined
  return status === 404 || status === 409
}

function describeProblem({ point, container, outcome, exitCode, ms, output }: HookRecord): string {
  const where = container === null ? '' : ` of the container ${container}`
  const how =
    outcome === 'timeout'
      ? `took longer than it may (${Math.round(ms / 1000)} s)`
      : `failed (exit code ${exitCode ?? 'unknown'})`
  const last = output.trim().split('\n').at(-1) ?? ''
  return `the hook ${point}${where} ${how}${last === '' ? '' : `: ${last}`}`
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return [pair.slice(0, at), pair.slice(at + 1)]
}
