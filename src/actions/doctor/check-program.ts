import { findProgram } from '../../system/find-program.ts'
import { assertRsync, readRsyncVersion } from '../../system/rsync-version.ts'
import { assertPrivileges, maySetSecurityAttributes } from '../../system/privileges.ts'
import { hasBtrfsProgram } from '../../system/subvolume.ts'
import { findUserNamespace } from '../../system/user-namespace.ts'
import { programVersion } from '../../system/version.ts'
import { type DoctorFinding, note, ok, problemOf } from './finding.ts'

/** What this process can do, wherever its data are. */
export async function checkProgram(): Promise<DoctorFinding[]> {
  return [
    ok('program', `snap-volume ${programVersion}`),
    await checkRsync(),
    checkPrivileges(),
    ...checkSecurityAttributes(),
    hasBtrfsProgram()
      ? ok('btrfs', 'its program is installed')
      : note('btrfs', 'its program is not installed', 'install btrfs-progs for the engine btrfs'),
    ...checkArchivers(),
  ]
}

async function checkRsync(): Promise<DoctorFinding> {
  try {
    await assertRsync()
    return ok('rsync', `version ${await readRsyncVersion()}`)
  } catch (error) {
    return problemOf('rsync', error)
  }
}

/** What export and import need beside tar. */
function checkArchivers(): DoctorFinding[] {
  return ['zstd', 'xdelta3']
    .filter((program) => findProgram(program) === undefined)
    .map((program) =>
      note('archives', `${program} is not installed`, `install ${program} for export and import`),
    )
}

function checkPrivileges(): DoctorFinding {
  try {
    assertPrivileges()
    const isWhole = findUserNamespace() === undefined
    return ok(
      'capabilities',
      `${isWhole ? 'owners, modes and devices' : 'modes, and owners that are known here,'} can be kept`,
    )
  } catch (error) {
    return problemOf('capabilities', error)
  }
}

function checkSecurityAttributes(): DoctorFinding[] {
  if (maySetSecurityAttributes()) return []
  const what = 'those of Samba and others (security.*, trusted.*) cannot be set, and are left out'
  return [note('xattrs', what, 'where data have any: --cap-add SYS_ADMIN')]
}
