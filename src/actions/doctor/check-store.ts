import {
  constants,
  copyFileSync,
  mkdtempSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import prettyBytes from 'pretty-bytes'
import type { Settings } from '../../config/settings.ts'
import { describeDamage, readCatalog, wayOutOfDamage } from '../../store/catalog.ts'
import {
  type ConsumerJournal,
  commandFor,
  readConsumerJournal,
} from '../../store/consumer-journal.ts'
import { describeFuture, futureSnapshots, pastSnapshots } from '../../store/future.ts'
import { findHeartbeat } from '../../store/heartbeat.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { findHolder } from '../../store/lock.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../../store/restore-journal.ts'
import { describeMisnamed, misnamedSnapshots, wayOutOfMisnamed } from '../../store/misnamed.ts'
import { isOwnOfContainer } from '../../system/container.ts'
import { mountOf, readMounts } from '../../system/mounts.ts'
import type { StoreConfig } from '../context.ts'
import { findDoubtsOfStore } from '../store/store-place.ts'
import { checkAbilities } from './check-abilities.ts'
import { type DoctorFinding, note, ok, problem, problemOf } from './finding.ts'

const { COPYFILE_FICLONE_FORCE } = constants

/** Names that one file may have: ext4 and btrfs document theirs, XFS counts with 32 bits. */
const linkLimits: Readonly<Record<string, number>> = { ext4: 65_000, ext3: 32_000, btrfs: 65_535 }

/** What the filesystem of the store can do, and what is left in it. */
export async function checkStore(
  store: StoreLayout,
  settings: Settings,
  now: Date,
): Promise<DoctorFinding[]> {
  const writer = await findHolder(store.lock)
  return [
    checkPlace(store, settings),
    ...findDoubtsOfStore(store.directory).map(({ message, fix }) => note('store', message, fix)),
    ...(await checkAbilities(store, settings)),
    ...checkReflinks(store),
    ...checkRoom(store, settings),
    checkVisibility(store),
    ...checkClock(store, now),
    ...checkSnapshots(store),
    await checkDaemon(store, now),
    ...(writer === undefined
      ? checkJournals(store)
      : [ok('journal', `not looked at, because somebody writes: ${writer}`)]),
  ]
}

function checkPlace({ directory }: StoreLayout, settings: Settings): DoctorFinding {
  const mounts = readMounts()
  if (isOwnOfContainer(directory, settings.inImage, mounts)) {
    return problem(
      'store',
      `${directory} is inside the container and would go with it`,
      `mount one with -v /some/directory:${directory}`,
    )
  }

  const type = mountOf(mounts, directory)?.type ?? 'an unknown filesystem'
  return ok('store', `${directory} on ${type}`)
}

/** Tries to share contents, in a directory of its own. */
function checkReflinks({ own }: StoreLayout): DoctorFinding[] {
  let home: string
  try {
    home = mkdtempSync(join(own, 'doctor.'))
  } catch {
    // whoever tries the abilities says so
    return []
  }

  try {
    const file = join(home, 'file')
    writeFileSync(file, 'x'.repeat(4096))
    copyFileSync(file, join(home, 'clone'), COPYFILE_FICLONE_FORCE)
    return [
      ok('reflinks', 'large files that change share what did not, where the data are here too'),
    ]
  } catch {
    return [
      note(
        'reflinks',
        'this filesystem has none: a large file that changes is copied as a whole',
        'where databases are large, put data and store on one XFS or btrfs',
      ),
    ]
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** A file has a name in each snapshot. */
export function checkLinkLimit(
  { directory }: StoreLayout,
  { maxSnapshots }: StoreConfig,
): DoctorFinding {
  const type = mountOf(readMounts(), directory)?.type ?? ''
  const limit = linkLimits[type]
  if (limit === undefined)
    return ok('link limit', 'more names for a file than SNAP_MAX can ask for')

  return maxSnapshots < limit
    ? ok('link limit', `${limit} names for a file, SNAP_MAX is ${maxSnapshots}`)
    : note(
        'link limit',
        `${type} allows ${limit} names for a file, and SNAP_MAX is ${maxSnapshots}: then files are copied anew`,
        'lower SNAP_MAX, or put the store on XFS',
      )
}

function checkRoom({ directory }: StoreLayout, settings: Settings): DoctorFinding[] {
  const { bsize, bavail, blocks, ffree, files } = statfsSync(directory)
  const judge = (subject: string, free: number, total: number, shown: string): DoctorFinding => {
    const percent = (free / total) * 100
    const message = `${percent.toFixed(1)} % free${shown}`
    if (percent >= settings.warnFreePercent) return ok(subject, message)

    const fix = 'enlarge the filesystem, or lower SNAP_MAX and prune'
    return percent < settings.criticalFreePercent
      ? problem(subject, message, fix)
      : note(subject, message, fix)
  }

  const space = judge('space', bavail, blocks, ` (${prettyBytes(bavail * bsize)})`)
  // filesystems that make inodes as they need them count none
  return files === 0 ? [space] : [space, judge('inodes', ffree, files, ` (${ffree})`)]
}

function checkVisibility({ directory }: StoreLayout): DoctorFinding {
  const { mode } = statSync(directory)
  return (mode & 0o011) === 0
    ? note(
        'samba',
        `only root can enter ${directory}, so Samba shows no Previous Versions to others`,
        `if it is to, chmod 0755 ${directory}`,
      )
    : ok('samba', 'users can enter the store; "snap-volume samba-config" prints the shares')
}

function checkClock(store: StoreLayout, now: Date): DoctorFinding[] {
  const catalog = readCatalog(store)
  const future = futureSnapshots(catalog, now)
  const newest = pastSnapshots(catalog, now).at(-1)
  const misnamed = misnamedSnapshots(catalog, now)
  const contrary = describeMisnamed(misnamed)
  const isBefore = newest !== undefined && newest.time.getTime() > now.getTime() + 2000

  return [
    isBefore
      ? problem(
          'clock',
          `it is ${now.toISOString()}, before the newest snapshot ${newest.name}`,
          'set the clock of the host if it is wrong; no snapshot has to go, the next ones are named after it',
        )
      : ok('clock', `${now.toISOString()}, after the newest snapshot`),
    ...(future.length === 0
      ? []
      : [
          problem(
            'clock',
            describeFuture(future),
            'if the clock is right, run "snap-volume rename"; if not, set the clock of the host',
          ),
        ]),
    ...(contrary === undefined ? [] : [problem('clock', contrary, wayOutOfMisnamed(misnamed))]),
  ]
}

function checkSnapshots(store: StoreLayout): DoctorFinding[] {
  return readCatalog(store).damaged.map((one) =>
    problem('snapshots', describeDamage(one), wayOutOfDamage(one)),
  )
}

async function checkDaemon(store: StoreLayout, now: Date): Promise<DoctorFinding> {
  return (await findHeartbeat(store, now)) === undefined
    ? problem('daemon', 'none runs on this store', 'start the container of "snap-volume start"')
    : ok('daemon', 'it runs')
}

function checkConsumers({ consumers, startedAt }: ConsumerJournal): DoctorFinding[] {
  const findings = consumers.flatMap((consumer) => {
    const { name, frozen } = consumer
    if (frozen === undefined) return []
    const message = `the container ${name} is frozen since ${frozen.since} by a pause that failed`
    return [problem('journal', message, `run "${commandFor(consumer)}"`)]
  })

  const others = consumers.filter(({ frozen }) => frozen === undefined).map(({ name }) => name)
  if (others.length === 0) return findings

  const message = `containers are paused or stopped since ${startedAt}: ${others.join(', ')}`
  const fix = 'any command resumes them where the Docker API is, if no snapshot is under way'
  return [...findings, problem('journal', message, fix)]
}

function checkJournals(store: StoreLayout): DoctorFinding[] {
  const findings: DoctorFinding[] = []
  try {
    const restore = readInterruptedRestore(store)
    if (restore !== undefined) {
      findings.push(problemOf('journal', explainInterruptedRestore(restore)))
    }

    const consumers = readConsumerJournal(store)
    if (consumers !== undefined) {
      findings.push(...checkConsumers(consumers))
    }
  } catch (error) {
    findings.push(problemOf('journal', error))
  }

  return findings.length === 0 ? [ok('journal', 'nothing is left half-way')] : findings
}
