import { isAbsolute, normalize } from 'node:path'
import { closest, distance } from 'fastest-levenshtein'
import { logLevels } from '../system/log.ts'
import {
  type Environment,
  type Variable,
  formatDurationMs,
  parseDurationMs,
  parseOneOf,
  parseSwitch,
  parseWholeNumber,
  readVariable,
} from './variables.ts'

/** The engines one may ask for; `auto` leaves the choice to the program. */
export const engineChoices = ['auto', 'link', 'rsync', 'btrfs'] as const
export type EngineChoice = (typeof engineChoices)[number]

/** What is done to the containers that write the data while a snapshot reads them. */
export const quiescePolicies = ['none', 'pause', 'stop'] as const
export type QuiescePolicy = (typeof quiescePolicies)[number]

/** ext4 allows 65,000 links to a file, and a file that never changes gets one a snapshot. */
const mostSnapshots = 65_000

const variables = {
  storeDirectory: {
    name: 'SNAP_DIR',
    describe: 'the store',
    fallback: '/opt/.snap',
    expected: 'an absolute path, such as /opt/.snap',
    parse: parseDirectory,
  },
  maxSnapshots: {
    name: 'SNAP_MAX',
    describe: 'how many snapshots to keep, the newest, and as many safety snapshots',
    fallback: 128,
    expected: `a whole number from 1 to ${mostSnapshots}, such as 128`,
    parse: parseWholeNumber(1, mostSnapshots),
  },
  cron: {
    name: 'SNAP_CRON',
    describe: 'when to take a snapshot; five fields, or six with seconds',
    fallback: '0 3 * * *',
    expected: 'a cron expression of five fields (or six, with seconds), such as "0 3 * * *"',
    parse: (text) => (/^\s*$/.test(text) ? undefined : text.trim()),
  },
  timeZone: {
    name: 'SNAP_TZ',
    describe: 'the time zone of SNAP_CRON, such as Europe/Berlin',
    fallback: 'GMT',
    expected: 'the name of a time zone, such as Europe/Berlin',
    parse: (text) => (isTimeZone(text) ? text : undefined),
  },
  engine: {
    name: 'SNAP_ENGINE',
    describe: `how to copy: ${engineChoices.join(', ')}`,
    fallback: 'auto',
    expected: `one of ${engineChoices.join(', ')}`,
    parse: parseOneOf(engineChoices),
  },
  quiesce: {
    name: 'SNAP_QUIESCE',
    describe: `what a snapshot does with the containers that write the data: ${quiescePolicies.join(', ')}`,
    fallback: 'none',
    expected: `one of ${quiescePolicies.join(', ')}`,
    parse: parseOneOf(quiescePolicies),
  },
  preSnapshot: hookVariable(
    'SNAP_PRE_SNAPSHOT',
    'a command for sh -c before a snapshot reads the data',
  ),
  postSnapshot: hookVariable('SNAP_POST_SNAPSHOT', 'the same when the data have been read'),
  preRestore: hookVariable('SNAP_PRE_RESTORE', 'the same before a restore'),
  postRestore: hookVariable('SNAP_POST_RESTORE', 'the same after a restore'),
  hookTimeoutMs: {
    name: 'SNAP_HOOK_TIMEOUT',
    describe: 'how long each of these commands may take',
    fallback: 30_000,
    expected: 'how long a hook may take, such as 30s or 10m',
    parse: parseDurationMs,
    format: formatDurationMs,
  },
  dockerHost: {
    name: 'DOCKER_HOST',
    describe: 'where the Docker API is, if not at /var/run/docker.sock',
    fallback: undefined,
    expected: 'where the Docker API is, such as unix:///var/run/docker.sock or tcp://proxy:2375',
    parse: parseDockerHost,
  },
  onStart: {
    name: 'SNAP_ON_START',
    describe: 'take a snapshot when the sidecar starts',
    fallback: false,
    expected: 'true or false',
    parse: parseSwitch,
  },
  catchUp: {
    name: 'SNAP_CATCH_UP',
    describe: 'make up, once, for runs missed while the sidecar was down or the host asleep',
    fallback: true,
    expected: 'true or false',
    parse: parseSwitch,
  },
  lockTimeoutMs: {
    name: 'SNAP_LOCK_TIMEOUT',
    describe: 'how long to wait while another process writes the store; 0 gives up at once',
    fallback: 60_000,
    expected: 'a time to wait, such as 30s, 10m or 0',
    parse: parseDurationMs,
    format: formatDurationMs,
  },
  inImage: {
    name: 'SNAP_VOLUME_IMAGE',
    describe: undefined,
    fallback: false,
    expected: 'true, as the image sets it',
    parse: parseSwitch,
  },
  logLevel: {
    name: 'SNAP_LOG_LEVEL',
    describe: `how much start logs: ${logLevels.join(', ')}`,
    fallback: 'info',
    expected: `one of ${logLevels.join(', ')}`,
    parse: parseOneOf(logLevels),
  },
} satisfies Variables

interface SettingValues {
  storeDirectory: string
  maxSnapshots: number
  cron: string
  timeZone: string
  engine: EngineChoice
  quiesce: QuiescePolicy
  /** Shell commands that run where the program does; undefined for none. */
  preSnapshot: string | undefined
  postSnapshot: string | undefined
  preRestore: string | undefined
  postRestore: string | undefined
  hookTimeoutMs: number
  /** Undefined for the socket at its usual place, if there is one. */
  dockerHost: string | undefined
  onStart: boolean
  catchUp: boolean
  lockTimeoutMs: number
  /** Set by the image: its root filesystem is gone with the container. */
  inImage: boolean
  logLevel: (typeof logLevels)[number]
}

type Variables = { [Key in keyof SettingValues]: Variable<SettingValues[Key]> }

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
    const variable: Variable<SettingValues[Key]> = (variables as Variables)[key]
    const result = readVariable(environment, variable)
    if (result.given) given.add(key)
    return result.value
  }
  return {
    storeDirectory: read('storeDirectory'),
    maxSnapshots: read('maxSnapshots'),
    cron: read('cron'),
    timeZone: read('timeZone'),
    engine: read('engine'),
    quiesce: read('quiesce'),
    preSnapshot: read('preSnapshot'),
    postSnapshot: read('postSnapshot'),
    preRestore: read('preRestore'),
    postRestore: read('postRestore'),
    hookTimeoutMs: read('hookTimeoutMs'),
    dockerHost: read('dockerHost'),
    onStart: read('onStart'),
    catchUp: read('catchUp'),
    lockTimeoutMs: read('lockTimeoutMs'),
    inImage: read('inImage'),
    logLevel: read('logLevel'),
    given,
  }
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
  return Object.values<Variable<Value>>(variables as Variables).flatMap((variable) => {
    const { name, describe, fallback } = variable
    if (describe === undefined) return []
    if (fallback === undefined) return { name, describe, fallback }
    return { name, describe, fallback: variable.format?.(fallback) ?? String(fallback) }
  })
}

/** A line for each SNAP_* that is none of ours, with the nearest known name. */
export function unknownVariables(environment: Environment): string[] {
  const known = Object.values(variables).flatMap(({ name }) => [name, `${name}_FILE`])
  return Object.keys(environment)
    .filter((name) => name.startsWith('SNAP_') && !known.includes(name))
    .filter((name) => !isInjectedByLink(name))
    .map((name) => {
      const nearest = closest(name, known)
      const hint = distance(name, nearest) <= 4 ? `, did you mean ${nearest}?` : ''
      return `${name} is not a variable of this program and has no effect${hint}`
    })
}

/** `--link mysql-vol:snap-volume` makes Docker set SNAP_VOLUME_NAME, SNAP_VOLUME_PORT and so on. */
function isInjectedByLink(name: string): boolean {
  return name.startsWith('SNAP_VOLUME_')
}

function hookVariable(name: string, describe: string): Variable<string | undefined> {
  return {
    name,
    describe,
    fallback: undefined,
    expected: 'a command for sh -c, or unset',
    parse: (text) => (/^\s*$/.test(text) || text.includes('\0') ? undefined : text),
  }
}

function parseDockerHost(text: string): string | undefined {
  return /^(?:unix:\/\/\/|tcp:\/\/|https?:\/\/).+/.test(text) ? text : undefined
}

function parseDirectory(text: string): string | undefined {
  if (!isAbsolute(text) || text.includes('\0')) return undefined
  const path = normalize(text).replace(/\/+$/, '')
  return path === '' ? undefined : path
}

/** Intl knows the zones of the IANA database; the library for times would take longer to load than a start. */
function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
