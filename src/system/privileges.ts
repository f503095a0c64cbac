import { readFileSync } from 'node:fs'
import { OperationError } from '../errors.ts'

/** Bit numbers of capabilities(7) that a faithful copy needs. */
const neededCapabilities = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  MKNOD: 27,
  SETFCAP: 31,
} as const

/** Bit number of SYS_ADMIN. */
const sysAdmin = 21n

/**
 * Refuses to copy without the rights to copy owners, modes, devices and capabilities: the result
 * would look complete and not be.
 */
export function assertPrivileges(status = readFileSync('/proc/self/status', 'utf8')): void {
  const effective = effectiveCapabilities(status)
  const missing = Object.entries(neededCapabilities)
    .filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n)
    .map(([name]) => name)
  if (missing.length === 0) return

  throw new OperationError(
    `owners and modes cannot be kept without the ${missing.length === 1 ? 'capability' : 'capabilities'} ${missing.join(', ')}`,
    {
      fix: `run as root, in Docker with ${missing.map((name) => `--cap-add ${name}`).join(' ')}`,
    },
  )
}

/**
 * Whether extended attributes `security.*` can be set, such as Samba's security.NTACL: that takes
 * SYS_ADMIN in the first user namespace. security.capability takes SETFCAP alone (commoncap.c of
 * the kernel, cap_inode_setxattr).
 */
export function maySetSecurityAttributes(
  status = readFileSync('/proc/self/status', 'utf8'),
  uidMap = readFileSync('/proc/self/uid_map', 'utf8'),
): boolean {
  const isFirstNamespace = /^\s*0\s+0\s+4294967295\s*$/.test(uidMap)
  return isFirstNamespace && ((effectiveCapabilities(status) >> sysAdmin) & 1n) === 1n
}

function effectiveCapabilities(status: string): bigint {
  return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
}
