import { nearestOf } from '../system/nearest.ts'
import type { KeepPolicy, KeepRules } from './keep-rules.ts'
import { declarations } from './declarations.ts'
import type { SettingValues, Variables } from './setting-values.ts'
import { type Environment, type Variable, readVariable } from './variables.ts'

/** What the environment says: a value for every setting, and which of them it named itself. */
export interface Settings extends SettingValues {
  given: ReadonlySet<keyof SettingValues>
}

/**
 * Reads every setting from the environment.
 * Throws UsageError for the first wrong one.
 */
export function readSettings(environment: Environment): Settings {
  const given = new Set<keyof SettingValues>()

  function read<Key extends keyof SettingValues>(key: Key): SettingValues[Key] {
    const variable: Variable<SettingValues[Key]> = (declarations as Variables)[key]
    const result = readVariable(environment, variable)
    if (result.given) given.add(key)
    return result.value
  }

  return {
    storeDirectory: read('storeDirectory'),
    acceptStore: read('acceptStore'),
    maxSnapshots: read('maxSnapshots'),
    keepLast: read('keepLast'),
    keepHourly: read('keepHourly'),
    keepDaily: read('keepDaily'),
    keepWeekly: read('keepWeekly'),
    keepMonthly: read('keepMonthly'),
    keepYearly: read('keepYearly'),
    keepWithinMs: read('keepWithinMs'),
    prune: read('prune'),
    minFree: read('minFree'),
    cron: read('cron'),
    checksumCron: read('checksumCron'),
    verifyNew: read('verifyNew'),
    verifyCron: read('verifyCron'),
    verifySample: read('verifySample'),
    proveCron: read('proveCron'),
    proveTimeoutMs: read('proveTimeoutMs'),
    changeLimit: read('changeLimit'),
    timeZone: read('timeZone'),
    engine: read('engine'),
    exclude: read('exclude'),
    onUnreadable: read('onUnreadable'),
    quiesce: read('quiesce'),
    preSnapshot: read('preSnapshot'),
    postSnapshot: read('postSnapshot'),
    preRestore: read('preRestore'),
    postRestore: read('postRestore'),
    hookTimeoutMs: read('hookTimeoutMs'),
    dockerHost: read('dockerHost'),
    staleAfterMs: read('staleAfterMs'),
    warnFreePercent: read('warnFreePercent'),
    criticalFreePercent: read('criticalFreePercent'),
    listen: read('listen'),
    token: read('token'),
    metricsPublic: read('metricsPublic'),
    host: read('host'),
    notifyTargets: read('notifyTargets'),
    notifyTemplate: read('notifyTemplate'),
    onStart: read('onStart'),
    catchUp: read('catchUp'),
    lockTimeoutMs: read('lockTimeoutMs'),
    inImage: read('inImage'),
    logLevel: read('logLevel'),
    given,
  }
}

const keepKeys = [
  'keepLast',
  'keepHourly',
  'keepDaily',
  'keepWeekly',
  'keepMonthly',
  'keepYearly',
  'keepWithinMs',
] as const

/** Whether the environment names any of SNAP_KEEP_*: then these are all that count. */
export function namesKeepRules({ given }: Settings): boolean {
  return keepKeys.some((key) => given.has(key))
}

/** Undefined where SNAP_MAX alone decides what stays. */
export function keepPolicyOf(settings: Settings): KeepPolicy | undefined {
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly } = settings
  const rules: KeepRules = {
    last: keepLast,
    hourly: keepHourly,
    daily: keepDaily,
    weekly: keepWeekly,
    monthly: keepMonthly,
    yearly: keepYearly,
    withinMs: settings.keepWithinMs,
  }
  if (Object.values(rules).every((value) => value === 0)) return undefined
  return settings.given.has('maxSnapshots') ? { rules, cap: settings.maxSnapshots } : { rules }
}

/** A variable as people read of it. */
export interface VariableDescription {
  name: string
  describe: string
  /** The text that means the same as leaving it out; undefined where there is none. */
  fallback: string | undefined
}

/** Every variable that people set, in the order of their declarations. */
export function describeVariables(): VariableDescription[] {
  type Value = SettingValues[keyof SettingValues]
  return Object.values<Variable<Value>>(declarations as Variables).flatMap((variable) => {
    const { name, describe, fallback } = variable
    if (describe === undefined) return []
    if (fallback === undefined || isEmpty(fallback)) return { name, describe, fallback: undefined }
    const text = typeof fallback === 'object' ? '' : String(fallback)
    return { name, describe, fallback: variable.format?.(fallback) ?? text }
  })
}

function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0)
}

/** A line for each SNAP_* that is none of ours, with the nearest known name. */
export function unknownVariables(environment: Environment): string[] {
  const known = Object.values(declarations).flatMap(({ name }) => [name, `${name}_FILE`])
  return Object.keys(environment)
    .filter((name) => name.startsWith('SNAP_') && !known.includes(name))
    .filter((name) => !isInjectedByLink(name))
    .map((name) => {
      const nearest = nearestOf(name, known)
      const hint = nearest === undefined ? '' : `, did you mean ${nearest}?`
      return `${name} is not a variable of this program and has no effect${hint}`
    })
}

/** `--link mysql-vol:snap-volume` makes Docker set SNAP_VOLUME_NAME, SNAP_VOLUME_PORT and so on. */
function isInjectedByLink(name: string): boolean {
  return name.startsWith('SNAP_VOLUME_')
}
