import * as v from 'valibot'
import { OperationError, isNotFound, messageOf } from '../errors.ts'
import {
  engineChoices,
  prunePolicies,
  quiescePolicies,
  unreadablePolicies,
} from '../config/choices.ts'
import { isTimeZone } from '../config/declarations.ts'
import { isExcludeEntry } from '../config/exclude.ts'
import { abilitiesSchema, allAbilities } from './abilities.ts'
import { parseVolumeSpecs, volumeIdPattern } from '../config/volume-spec.ts'
import { readDocument, writeFileDurably } from './durable.ts'
import type { StoreLayout } from './layout.ts'
import { parseDocument } from './record.ts'

const countSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const mostSchema = v.pipe(countSchema, v.minValue(1))
const keepRulesSchema = v.pipe(
  v.object({
    last: countSchema,
    hourly: countSchema,
    daily: countSchema,
    weekly: countSchema,
    monthly: countSchema,
    yearly: countSchema,
    withinMs: countSchema,
  }),
  v.check((rules) => Object.values(rules).some((value) => value > 0), 'rules that keep nothing'),
)

// what is optional is missing in stores of before it was there
const schema = v.object({
  schema: v.literal(1),
  volumes: v.pipe(
    v.array(v.object({ id: v.pipe(v.string(), v.regex(volumeIdPattern)), path: v.string() })),
    v.minLength(1),
  ),
  cron: v.string(),
  checksumCron: v.optional(v.string(), ''),
  changeLimit: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(100)), 90),
  timeZone: v.pipe(v.string(), v.check(isTimeZone, 'not a time zone')),
  maxSnapshots: mostSchema,
  /** SNAP_KEEP_*, with SNAP_MAX where it was set beside them. */
  keep: v.optional(v.object({ rules: keepRulesSchema, cap: v.optional(mostSchema) })),
  prune: v.optional(v.picklist(prunePolicies), 'careful'),
  minFree: v.optional(
    v.union([v.object({ percent: countSchema }), v.object({ bytes: countSchema })]),
  ),
  engine: v.picklist(engineChoices),
  exclude: v.optional(
    v.array(v.pipe(v.string(), v.check(isExcludeEntry, 'not a pattern of SNAP_EXCLUDE'))),
    [],
  ),
  onUnreadable: v.optional(v.picklist(unreadablePolicies), 'fail'),
  quiesce: v.optional(v.picklist(quiescePolicies), 'none'),
  hasDockerApi: v.optional(v.boolean(), false),
  /** What the filesystem keeps; of stores from before it was tried, nobody knows. */
  storeAbilities: v.optional(abilitiesSchema, allAbilities),
  startedAt: v.string(),
  program: v.string(),
})

/** What the last `start` said, for the commands that other containers run. */
export type SavedConfig = v.InferOutput<typeof schema>

export function writeSavedConfig(store: StoreLayout, config: SavedConfig): void {
  writeFileDurably(store.config, `${JSON.stringify(config, null, 2)}\n`, 0o600)
}

/** Throws OperationError when there is none, or one that does not say what it should. */
export function readSavedConfig(store: StoreLayout): SavedConfig {
  try {
    const config = parseDocument(schema, readDocument(store.config))
    return {
      ...config,
      volumes: parseVolumeSpecs(config.volumes.map(({ id, path }) => `${id}:${path}`)),
    }
  } catch (error) {
    throw isNotFound(error)
      ? new OperationError(`the store ${store.directory} has no configuration yet`, {
          cause: error,
          fix: 'run "snap-volume start ID:PATH" on it once',
        })
      : new OperationError(`${store.config} cannot be used (${messageOf(error)})`, {
          cause: error,
          fix: 'run "snap-volume start ID:PATH" again, which writes it anew',
        })
  }
}
