import { isAbsolute, normalize } from 'node:path'
import { logLevels } from '../system/log.ts'
import { defaultPort, formatListen, parseHost, parseListen } from './address.ts'
import { engineChoices, prunePolicies, quiescePolicies, unreadablePolicies } from './choices.ts'
import { parseExclude } from './exclude.ts'
import { formatMinFree, parseMinFree } from './min-free.ts'
import { parseNotifyTargets, parseTemplate, templateFields } from './notify-target.ts'
import type { Variables } from './setting-values.ts'
import {
  type Variable,
  formatDurationMs,
  parseDurationMs,
  parseOneOf,
  parseSpanMs,
  parseSwitch,
  parseTimeoutMs,
  parseWholeNumber,
} from './variables.ts'

/** ext4 allows 65,000 links to a file, and a file that never changes gets one a snapshot. */
const mostSnapshots = 65_000

/** Every setting and the variable it is read from, in the order in which people read of them. */
export const declarations = {
  storeDirectory: {
    name: 'SNAP_DIR',
    describe: 'the store',
    fallback: '/opt/.snap',
    expected: 'an absolute path, such as /opt/.snap',
    parse: parseDirectory,
  },
  acceptStore: {
    name: 'SNAP_ACCEPT_STORE',
    describe: 'start although the filesystem of the store does not keep all that data can have',
    fallback: false,
    expected: 'true or false',
    parse: parseSwitch,
  },
  maxSnapshots: {
    name: 'SNAP_MAX',
    describe: 'how many snapshots to keep, the newest, and as many safety snapshots',
    fallback: 128,
    expected: `a whole number from 1 to ${mostSnapshots}, such as 128`,
    parse: parseWholeNumber(1, mostSnapshots),
  },
  keepLast: keepVariable('LAST', 'how many of the newest snapshots stay; SNAP_MAX caps all rules'),
  keepHourly: keepVariable('HOURLY', 'of how many hours with a snapshot one stays, the newest'),
  keepDaily: keepVariable('DAILY', 'of how many days likewise'),
  keepWeekly: keepVariable('WEEKLY', 'of how many weeks likewise'),
  keepMonthly: keepVariable('MONTHLY', 'of how many months likewise'),
  keepYearly: keepVariable('YEARLY', 'of how many years likewise'),
  keepWithinMs: {
    name: 'SNAP_KEEP_WITHIN',
    describe: 'how far back from the newest snapshot all stay, such as 36h or 14d',
    fallback: 0,
    expected: 'how far back, such as 36h or 14d',
    parse: parseSpanMs,
    format: (ms) => String(ms / 1000),
  },
  prune: {
    name: 'SNAP_PRUNE',
    describe: 'careful: many at once are not removed before "prune --yes"; always: they are',
    fallback: 'careful',
    expected: `one of ${prunePolicies.join(', ')}`,
    parse: parseOneOf(prunePolicies),
  },
  minFree: {
    name: 'SNAP_MIN_FREE',
    describe: 'with less free in the store, the oldest go until it is, but the newest three',
    fallback: undefined,
    expected: 'a share of the store, such as 10%, or a size, such as 20G',
    parse: parseMinFree,
    format: (minFree) => (minFree === undefined ? '' : formatMinFree(minFree)),
  },
  cron: {
    name: 'SNAP_CRON',
    describe: 'when to take a snapshot; five fields, or six with seconds',
    fallback: '0 3 * * *',
    expected: 'a cron expression of five fields (or six, with seconds), such as "0 3 * * *"',
    parse: (text) => (/^\s*$/.test(text) ? undefined : text.trim()),
  },
  checksumCron: {
    name: 'SNAP_CHECKSUM_CRON',
    describe: 'when to take a snapshot that compares all contents, as SNAP_CRON; unset: never',
    fallback: '',
    expected: 'empty, or a cron expression such as "0 4 * * 0"',
    parse: (text) => text.trim(),
  },
  verifyNew: {
    name: 'SNAP_VERIFY_NEW',
    describe: 'read each new file once after a snapshot, when nothing else is done, for verify',
    fallback: true,
    expected: 'true or false',
    parse: parseSwitch,
  },
  verifyCron: {
    name: 'SNAP_VERIFY_CRON',
    describe: 'when to verify all snapshots, as SNAP_CRON; unset: never',
    fallback: '',
    expected: 'empty, or a cron expression such as "0 5 * * 0"',
    parse: (text) => text.trim(),
  },
  verifySample: {
    name: 'SNAP_VERIFY_SAMPLE',
    describe: 'of how many percent of the files it reads the contents; it looks at all metadata',
    fallback: 100,
    expected: 'a whole number from 0 to 100, such as 5',
    parse: parseWholeNumber(0, 100),
  },
  proveCron: {
    name: 'SNAP_PROVE_CRON',
    describe: 'when to prove that servers start on the newest snapshot, as SNAP_CRON; unset: never',
    fallback: '',
    expected: 'empty, or a cron expression such as "0 6 * * 0"',
    parse: (text) => text.trim(),
  },
  proveTimeoutMs: {
    name: 'SNAP_PROVE_TIMEOUT',
    describe: 'how long the copy of a server may take to become healthy',
    fallback: 600_000,
    expected: 'how long a copy may take, such as 90s or 10m, and at most 596h',
    parse: parseTimeoutMs,
    format: formatDurationMs,
  },
  changeLimit: {
    name: 'SNAP_CHANGE_LIMIT',
    describe:
      'percent of other files from which older snapshots are kept until that is accepted; 0: never',
    fallback: 90,
    expected: 'a whole number from 0 to 100, such as 90',
    parse: parseWholeNumber(0, 100),
  },
  timeZone: {
    name: 'SNAP_TZ',
    describe: 'the time zone of the schedules, such as Europe/Berlin',
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
  exclude: {
    name: 'SNAP_EXCLUDE',
    describe: 'what snapshots leave out: patterns as rsync has them, or ID:PATTERN, a line each',
    fallback: [],
    expected:
      'patterns of rsync, such as *.tmp or mysql:/cache/, a line each or with | between them',
    parse: parseExclude,
  },
  onUnreadable: {
    name: 'SNAP_ON_UNREADABLE',
    describe:
      'what to do where something cannot be read: fail, or flag the snapshot and leave it out',
    fallback: 'fail',
    expected: `one of ${unreadablePolicies.join(', ')}`,
    parse: parseOneOf(unreadablePolicies),
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
    expected: 'how long a hook may take, such as 30s or 10m, and at most 596h',
    parse: parseTimeoutMs,
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
  staleAfterMs: {
    name: 'SNAP_STALE_AFTER',
    describe: 'how late a snapshot may be before that is critical',
    fallback: 900_000,
    expected: 'how late a snapshot may be, such as 15m or 2h',
    parse: parseDurationMs,
    format: formatDurationMs,
  },
  warnFreePercent: {
    name: 'SNAP_WARN_FREE',
    describe: 'percent of the space or inodes of the store: with less free, status warns',
    fallback: 10,
    expected: 'percent of the store, from 0 to 100, such as 10',
    parse: parseWholeNumber(0, 100),
  },
  criticalFreePercent: {
    name: 'SNAP_CRITICAL_FREE',
    describe: 'the same, and it is critical',
    fallback: 3,
    expected: 'percent of the store, from 0 to 100, such as 3',
    parse: parseWholeNumber(0, 100),
  },
  listen: {
    name: 'SNAP_LISTEN',
    describe: 'where the daemon listens, if it has a token',
    fallback: { host: undefined, port: defaultPort },
    expected: `an address and a port, such as :${defaultPort} or 127.0.0.1:${defaultPort}`,
    parse: parseListen,
    format: formatListen,
  },
  token: {
    name: 'SNAP_TOKEN',
    describe: 'what clients over the network must know; without it nothing listens there',
    fallback: undefined,
    expected:
      'at least 16 of A-Z a-z 0-9 . _ ~ + / - and = at the end, such as `openssl rand -hex 32` prints',
    parse: parseToken,
    isSecret: true,
  },
  metricsPublic: {
    name: 'SNAP_METRICS_PUBLIC',
    describe: 'give metrics and health to everyone, without the token',
    fallback: false,
    expected: 'true or false',
    parse: parseSwitch,
  },
  host: {
    name: 'SNAP_HOST',
    describe: 'for clients: where the daemon is, such as mysql-vol or mysql-vol:8400',
    fallback: undefined,
    expected:
      'where the daemon listens, such as mysql-vol, mysql-vol:8400 or unix:///opt/.snap/.snap-volume/control.sock',
    parse: parseHost,
  },
  notifyTargets: {
    name: 'SNAP_NOTIFY_URL',
    describe: 'who is told of failures and recoveries: web addresses, pings, push monitors, e-mail',
    fallback: [],
    expected:
      'one or several of http(s)://..., ping+http(s)://..., push+http(s)://... and smtp(s)://...?from=...&to=..., with blanks between them, and %25 for a % in a name or password',
    parse: parseNotifyTargets,
    isSecret: true,
  },
  notifyTemplate: {
    name: 'SNAP_NOTIFY_TEMPLATE',
    describe: 'the JSON document that web addresses are sent',
    fallback: undefined,
    expected: `a JSON document with texts such as {"text": "{{title}}: {{message}}"}; there are ${templateFields.map((field) => `{{${field}}}`).join(' ')}`,
    parse: parseTemplate,
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

/** No mention of it means that the rule keeps none. */
function keepVariable(rule: string, describe: string): Variable<number> {
  return {
    name: `SNAP_KEEP_${rule}`,
    describe,
    fallback: 0,
    expected: `a whole number from 0 to ${mostSnapshots}, such as 7`,
    parse: parseWholeNumber(0, mostSnapshots),
  }
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

function parseToken(text: string): string | undefined {
  return /^[A-Za-z0-9._~+/-]{16,512}=*$/.test(text) ? text : undefined
}

function parseDockerHost(text: string): string | undefined {
  return /^(?:unix:\/\/\/|tcp:\/\/|https?:\/\/).+/.test(text) ? text : undefined
}

function parseDirectory(text: string): string | undefined {
  if (!isAbsolute(text) || text.includes('\0')) return undefined
  const path = normalize(text).replace(/\/+$/, '')
  return path === '' ? undefined : path
}

/**
 * Intl knows the zones of the IANA database; the library for times would take longer to load than a
 * start.
 */
export function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
