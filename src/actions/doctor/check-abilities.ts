import { errorCode, messageOf } from '../../errors.ts'
import type { Settings } from '../../config/settings.ts'
import { type StoreAbilities, silentLacks } from '../../store/abilities.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { probeAbilities } from '../../store/probe/probe-abilities.ts'
import { whereTheyAreKept } from '../store/try-store.ts'
import { findUserNamespace } from '../../system/user-namespace.ts'
import { type DoctorFinding, note, ok, problem } from './finding.ts'

/** What the filesystem of the store keeps, by the probe of `start`. */
export async function checkAbilities(
  store: StoreLayout,
  { acceptStore }: Pick<Settings, 'acceptStore'>,
): Promise<DoctorFinding[]> {
  try {
    const { abilities, triedAttributes } = await probeAbilities(store)
    return [
      ...findingsOf(abilities, acceptStore),
      ...(triedAttributes
        ? []
        : [note('ACLs', 'nobody can tell whether they and xattrs are kept', 'install GNU tar')]),
    ]
  } catch (error) {
    const why = errorCode(error) ?? messageOf(error)
    const fix = 'mount it read-write, free space, and run as root'
    return [problem('store', `it cannot be written (${why})`, fix)]
  }
}

/** One for each lack: a problem if `start` refuses it. */
export function findingsOf(abilities: StoreAbilities, isAccepted: boolean): DoctorFinding[] {
  const { lacks, mtimeStepNs } = abilities
  const silent = silentLacks(abilities)
  const owners = findUserNamespace() === undefined ? 'owners' : 'owners that are known here'

  return [
    ...(silent.length === 0 ? [ok('metadata', `${owners}, modes, ACLs and xattrs are kept`)] : []),
    ...(lacks.includes('hard links') ? [] : [ok('hard links', 'unchanged files cost no space')]),
    ...lacks.map((lack) =>
      silent.includes(lack) && !isAccepted
        ? problem(lack, notKept, fixOf(lack))
        : note(lack, notKept, fixOf(lack)),
    ),
    ...(mtimeStepNs === 1
      ? []
      : [note('times', `they are kept in steps of ${formatNs(mtimeStepNs)}`, preciseTimes)]),
  ]
}

const notKept = 'the filesystem of the store does not keep them'
const preciseTimes =
  'where that matters, put the store on XFS, btrfs, or ext4 with inodes of 256 bytes'

function fixOf(lack: string): string {
  if (lack === 'data after a restart') return 'put the store on a disk'
  return lack.startsWith('times ') ? preciseTimes : whereTheyAreKept
}

/** The unit in which it is a whole number. */
export function formatNs(ns: number): string {
  const units: [name: string, size: number][] = [
    ['s', 1e9],
    ['ms', 1e6],
    ['us', 1e3],
  ]

  const [name, size] = units.find(([, each]) => ns % each === 0) ?? ['ns', 1]
  return `${ns / size} ${name}`
}
