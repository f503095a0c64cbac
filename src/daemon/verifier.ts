import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from '../config/settings.ts'
import type { Environment } from '../config/variables.ts'
import { readCatalog } from '../store/catalog.ts'
import type { StoreLayout } from '../store/layout.ts'
import { findHolder } from '../store/lock.ts'
import { manifestPath } from '../verify/manifest.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { spawnIdly } from '../system/spawn-idly.ts'
import type { Background } from './background.ts'
import { type Notice, noticeOfDamage } from './notice.ts'
import { type Schedule, startSchedule } from './schedule.ts'

/** A snapshot is left alone for so long: most of its users want something else of the machine then. */
const restMs = 60_000

export interface VerifierOptions {
  settings: Settings
  environment: Environment
  store: StoreLayout
  clock: Clock
  background: Background
  tell: (notice: Notice) => void
  log: Log
}

/**
 * Has snapshots verified when nothing else is done, by a process of its own at idle priority: new
 * ones are recorded, and all are compared on SNAP_VERIFY_CRON.
 */
export class Verifier {
  readonly #options: VerifierOptions
  readonly #schedule: Schedule | undefined
  /** The newest snapshot when new ones were last looked for. */
  #looked = ''
  #isDue = false
  #isUnderWay = false

  constructor(options: VerifierOptions) {
    this.#options = options
    const { verifyCron, timeZone } = options.settings
    if (verifyCron === '') return
    const onDue = (): void => {
      this.#isDue = true
      this.look()
    }
    this.#schedule = startSchedule({ cron: verifyCron, timeZone, onDue, onMissed: onDue })
  }

  /** With each heartbeat. Nothing is waited for. */
  look(): void {
    this.#schedule?.followClock()
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    this.#options.background.run(async (signal) => {
      try {
        await this.#begin(signal)
      } finally {
        this.#isUnderWay = false
      }
    })
  }

  stop(): void {
    this.#schedule?.stop()
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { settings, store } = this.#options
    // it can wait for the next heartbeat
    if ((await findHolder(store.lock)) !== undefined) return
    if (this.#isDue) {
      this.#isDue = false
      await this.#verify(['--sample', `${settings.verifySample}%`], signal)
      return
    }

    const newest = settings.verifyNew ? this.#findUnrecorded() : undefined
    if (newest === undefined || newest === this.#looked) return
    this.#looked = newest
    await this.#verify(['--new'], signal)
  }

  /** The newest snapshot that nobody has looked at, once it has rested. */
  #findUnrecorded(): string | undefined {
    const { store, clock } = this.#options
    const restedAt = clock.now().getTime() - restMs
    return readCatalog(store).snapshots.findLast(
      ({ name, record: { volumes, finishedAt } }) =>
        Date.parse(finishedAt) < restedAt &&
        volumes.some(({ id }) => !existsSync(manifestPath(store.manifests, name, id))),
    )?.name
  }

  async #verify(words: readonly string[], signal: AbortSignal): Promise<void> {
    const { environment, store, tell, log } = this.#options
    const { SNAP_HOST: _, ...others } = environment
    const here = { ...others, SNAP_DIR: store.directory }
    const { stdout, stderr } = await spawnIdly(['verify', ...words, '--json'], here, signal)
    if (signal.aborted) return

    const documents = stdout.split('\n').flatMap(parseLine)
    if (!documents.some(({ type }) => type === 'result')) {
      const why = stderr.trim().split('\n').at(-1) ?? ''
      log.warn(`snapshots could not be verified: ${why}`)
      return
    }

    const damage = documents.filter(({ type }) => type === 'damage') as unknown as DamageLine[]
    const paths = damage.map(({ volume, path, what, snapshots }) => {
      return `${join(volume, path)} (${what}, in ${snapshots.join(' ')})`
    })
    for (const path of paths) log.error(`damaged: ${path}`)
    if (paths.length > 0) tell(noticeOfDamage(paths))
    log.debug(`verified: ${words.join(' ')}`)
  }
}

/** What `verify --json` says of a fault, as far as the daemon tells it. */
interface DamageLine {
  volume: string
  path: string
  what: string
  snapshots: string[]
}

function parseLine(line: string): { type?: unknown }[] {
  try {
    return [JSON.parse(line) as { type?: unknown }]
  } catch {
    return []
  }
}
