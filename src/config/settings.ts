import { isAbsolute, normalize } from 'node:path'
import { closest, distance } from 'fastest-levenshtein'
import { logLevels } from '../system/log.ts'
import { type Address, type Endpoint, defaultPort, parseHost, parseListen } from './address.ts'
import {
  type NotifyTarget,
  parseNotifyTargets,
  parseTemplate,
  templateFields,
} from './notify-target.ts'
import {
  type Environment,
  type Variable,
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
    fallback: '/opt/.snap',
    expected: 'an absolute path, such as /opt/.snap',
    parse: parseDirectory,
  },
  maxSnapshots: {
    name: 'SNAP_MAX',
    fallback: 128,
    expected: `a whole number from 1 to ${mostSnapshots}, such as 128`,
    parse: parseWholeNumber(1, mostSnapshots),
  },
  cron: {
    name: 'SNAP_CRON',
    fallback: '0 3 * * *',
    expected: 'a cron expression of five fields (or six, with seconds), such as "0 3 * * *"',
    parse: (text) => (/^\s*$/.test(text) ? undefined : text.trim()),
  },
  timeZone: {
    name: 'SNAP_TZ',
    fallback: 'GMT',
    expected: 'the name of a time zone, such as Europe/Berlin',
    parse: (text) => (isTimeZone(text) ? text : undefined),
  },
  engine: {
    name: 'SNAP_ENGINE',
    fallback: 'auto',
    expected: `one of ${engineChoices.join(', ')}`,
    parse: parseOneOf(engineChoices),
  },
  quiesce: {
    name: 'SNAP_QUIESCE',
    fallback: 'none',
    expected: `one of ${quiescePolicies.join(', ')}`,
    parse: parseOneOf(quiescePolicies),
  },
  preSnapshot: hookVariable('SNAP_PRE_SNAPSHOT'),
  postSnapshot: hookVariable('SNAP_POST_SNAPSHOT'),
  preRestore: hookVariable('SNAP_PRE_RESTORE'),
  postRestore: hookVariable('SNAP_POST_RESTORE'),
  hookTimeoutMs: {
    name: 'SNAP_HOOK_TIMEOUT',
    fallback: 30_000,
    expected: 'how long a hook may take, such as 30s or 10m',
    parse: parseDurationMs,
  },
  dockerHost: {
    name: 'DOCKER_HOST',
    fallback: undefined,
    expected: 'where the Docker API is, such as unix:///var/run/docker.sock or tcp://proxy:2375',
    parse: parseDockerHost,
  },
  onStart: {
    name: 'SNAP_ON_START',
    fallback: false,
    expected: 'true or false',
    parse: parseSwitch,
  },
  catchUp: {
    name: 'SNAP_CATCH_UP',
    fallback: true,
    expected: 'true or false',
    parse: parseSwitch,
  },
  staleAfterMs: {
    name: 'SNAP_STALE_AFTER',
    fallback: 900_000,
    expected: 'how late a snapshot may be, such as 15m or 2h',
    parse: parseDurationMs,
  },
  warnFreePercent: {
    name: 'SNAP_WARN_FREE',
    fallback: 10,
    expected: 'percent of the store, from 0 to 100, such as 10',
    parse: parseWholeNumber(0, 100),
  },
  criticalFreePercent: {
    name: 'SNAP_CRITICAL_FREE',
    fallback: 3,
    expected: 'percent of the store, from 0 to 100, such as 3',
    parse: parseWholeNumber(0, 100),
  },
  listen: {
    name: 'SNAP_LISTEN',
    fallback: { host: undefined, port: defaultPort },
    expected: `an address and a port, such as :${defaultPort} or 127.0.0.1:${defaultPort}`,
    parse: parseListen,
  },
  token: {
    name: 'SNAP_TOKEN',
    fallback: undefined,
    expected:
      'at least 16 printable characters without spaces, such as `openssl rand -hex 32` prints',
    parse: parseToken,
    isSecret: true,
  },
  metricsOpen: {
    name: 'SNAP_METRICS_OPEN',
    fallback: false,
    expected: 'true or false',
    parse: parseSwitch,
  },
  host: {
    name: 'SNAP_HOST',
    fallback: undefined,
    expected:
      'where the daemon listens, such as mysql-vol, mysql-vol:8400 or unix:///opt/.snap/.snap-volume/control.sock',
    parse: parseHost,
  },
  notifyTargets: {
    name: 'SNAP_NOTIFY_URL',
    fallback: [],
    expected:
      'one or several of http(s)://..., ping+http(s)://... and smtp(s)://...?from=...&to=..., with blanks between them',
    parse: parseNotifyTargets,
    isSecret: true,
  },
  notifyTemplate: {
    name: 'SNAP_NOTIFY_TEMPLATE',
    fallback: undefined,
    expected: `a JSON document with texts such as {"text": "{{title}}: {{message}}"}; there are ${templateFields.map((field) => `{{${field}}}`).join(' ')}`,
    parse: parseTemplate,
  },
  lockTimeoutMs: {
    name: 'SNAP_LOCK_TIMEOUT',
    fallback: 60_000,
    expected: 'a time to wait, such as 30s, 10m or 0',
    parse: parseDurationMs,
  },
  inImage: {
    name: 'SNAP_VOLUME_IMAGE',
    fallback: false,
    expected: 'true, as the image sets it',
    parse: parseSwitch,
  },
  logLevel: {
    name: 'SNAP_LOG_LEVEL',
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
  /** How late a snapshot may be before that is critical. */
  staleAfterMs: number
  warnFreePercent: number
  criticalFreePercent: number
  /** Where the daemon listens, if there is a token. */
  listen: Endpoint
  token: string | undefined
  /** Whether metrics and the state of health are given without the token, from everywhere. */
  metricsOpen: boolean
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
    staleAfterMs: read('staleAfterMs'),
    warnFreePercent: read('warnFreePercent'),
    criticalFreePercent: read('criticalFreePercent'),
    listen: read('listen'),
    token: read('token'),
    metricsOpen: read('metricsOpen'),
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

function hookVariable(name: string): Variable<string | undefined> {
  return {
    name,
    fallback: undefined,
    expected: 'a command for sh -c, or unset',
    parse: (text) => (/^\s*$/.test(text) || text.includes('\0') ? undefined : text),
  }
}

function parseToken(text: string): string | undefined {
  return /^[!-~]{16,512}$/.test(text) ? text : undefined
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
