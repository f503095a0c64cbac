import type { LogLevel } from '../system/log.ts'
import type { Address, Endpoint } from './address.ts'
import type { EngineChoice, PrunePolicy, QuiescePolicy, UnreadablePolicy } from './choices.ts'
import type { MinFree } from './min-free.ts'
import type { NotifyTarget } from './notify-target.ts'
import type { Variable } from './variables.ts'

/** What the variables say, once they are read. */
export interface SettingValues {
  storeDirectory: string
  /** Take snapshots that lack what the filesystem of the store does not keep. */
  acceptStore: boolean
  maxSnapshots: number
  keepLast: number
  keepHourly: number
  keepDaily: number
  keepWeekly: number
  keepMonthly: number
  keepYearly: number
  keepWithinMs: number
  prune: PrunePolicy
  /** Undefined where nothing has to stay free. */
  minFree: MinFree | undefined
  cron: string
  /** Empty for never. */
  checksumCron: string
  /** Whether the daemon reads new files for `verify`. */
  verifyNew: boolean
  /** Empty for never. */
  verifyCron: string
  /** In percent. */
  verifySample: number
  /** Empty for never. */
  proveCron: string
  /** For each server. */
  proveTimeoutMs: number
  /** In percent; 0 for never. */
  changeLimit: number
  timeZone: string
  engine: EngineChoice
  /** What is left out: entries that excludesOf reads. */
  exclude: string[]
  onUnreadable: UnreadablePolicy
  quiesce: QuiescePolicy
  /** Shell commands that run where the program does; undefined for none. */
  preSnapshot: string | undefined
  postSnapshot: string | undefined
  preRestore: string | undefined
  postRestore: string | undefined
  hookTimeoutMs: number
  /** Undefined for the socket at its usual place, if there is one. */
  dockerHost: string | undefined
  /** How late a snapshot may be before that is critical. */
  staleAfterMs: number
  warnFreePercent: number
  criticalFreePercent: number
  /** Where the daemon listens, if there is a token. */
  listen: Endpoint
  token: string | undefined
  /** Whether metrics and the state of health are given without the token, from everywhere. */
  metricsPublic: boolean
  /** Where a client finds the daemon; undefined to look for the store, then for the link. */
  host: Address | undefined
  /** Who is told when something goes wrong. */
  notifyTargets: NotifyTarget[]
  /** What is posted to http targets; undefined for a document with all fields. */
  notifyTemplate: string | undefined
  onStart: boolean
  catchUp: boolean
  lockTimeoutMs: number
  /** Set by the image: its root filesystem is gone with the container. */
  inImage: boolean
  logLevel: LogLevel
}

export type Variables = { [Key in keyof SettingValues]: Variable<SettingValues[Key]> }
