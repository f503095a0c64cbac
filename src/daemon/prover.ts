import { removeLeftProofs } from '../actions/prove/remove-left.ts'
import type { ActionContext } from '../actions/context.ts'
import type { Settings } from '../config/settings.ts'
import type { Environment } from '../config/variables.ts'
import { listProofs } from '../store/clones.ts'
import type { Log } from '../system/log.ts'
import { spawnIdly } from '../system/spawn-idly.ts'
import type { Background } from './background.ts'
import { type Notice, noticeOfFailedProof } from './notice.ts'
import { type Schedule, startSchedule } from './schedule.ts'

export interface ProverOptions {
  settings: Settings
  environment: Environment
  context: ActionContext
  background: Background
  tell: (notice: Notice) => void
  log: Log
}

/**
 * Has the newest snapshot proved on SNAP_PROVE_CRON, by a process of its own, and removes what one
 * that was killed left.
 */
export class Prover {
  readonly #options: ProverOptions
  readonly #schedule: Schedule | undefined
  #isDue = false
  #isUnderWay = false

  constructor(options: ProverOptions) {
    this.#options = options
    const { proveCron, timeZone } = options.settings
    if (proveCron === '') return
    const onDue = (): void => {
      this.#isDue = true
      this.look()
    }
    this.#schedule = startSchedule({ cron: proveCron, timeZone, onDue, onMissed: onDue })
  }

  /** With each heartbeat. Nothing is waited for. */
  look(): void {
    const { context, background } = this.#options
    this.#schedule?.followClock()
    if (this.#isUnderWay || !(this.#isDue || listProofs(context.store).length > 0)) return
    this.#isUnderWay = true
    background.run(async (signal) => {
      try {
        await (this.#isDue ? this.#prove(signal) : removeLeftProofs(context))
      } finally {
        this.#isUnderWay = false
      }
    })
  }

  stop(): void {
    this.#schedule?.stop()
  }

  async #prove(signal: AbortSignal): Promise<void> {
    this.#isDue = false
    const { environment, context, tell, log } = this.#options
    const { SNAP_HOST: _, ...others } = environment
    const here = { ...others, SNAP_DIR: context.store.directory }
    const { stdout, stderr } = await spawnIdly(['prove', '--json'], here, signal)
    if (signal.aborted) return

    const result = lastDocument(stdout)
    if (result?.type !== 'result') {
      log.warn(`the newest snapshot could not be proved: ${stderr.trim().split('\n').at(-1) ?? ''}`)
      return
    }
    for (const { container, outcome, reason } of result.proofs) {
      const line = `${outcome}: ${container} on ${result.snapshot}, ${reason}`
      if (outcome === 'proved') log.info(line)
      else {
        log.error(line)
        tell(noticeOfFailedProof(result.snapshot, container, reason))
      }
    }
  }
}

/** What `prove --json` says at its end, as far as the daemon tells it. */
interface ProveResult {
  type: string
  snapshot: string
  proofs: { container: string; outcome: string; reason: string }[]
}

function lastDocument(text: string): ProveResult | undefined {
  try {
    return JSON.parse(text.trim().split('\n').at(-1) ?? '') as ProveResult
  } catch {
    return undefined
  }
}
