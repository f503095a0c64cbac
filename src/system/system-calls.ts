import { OperationError } from '../errors.ts'

type SystemCall = 'lgetxattr' | 'llistxattr' | 'utimensat'

/**
 * Calls that Node has not, by the kernel's tables of system calls; perl(1) makes them by their
 * numbers.
 */
const numbers: Readonly<Partial<Record<NodeJS.Architecture, Record<SystemCall, number>>>> = {
  x64: { lgetxattr: 192, llistxattr: 195, utimensat: 280 },
  arm64: { lgetxattr: 9, llistxattr: 12, utimensat: 88 },
  riscv64: { lgetxattr: 9, llistxattr: 12, utimensat: 88 },
  loong64: { lgetxattr: 9, llistxattr: 12, utimensat: 88 },
  ppc64: { lgetxattr: 213, llistxattr: 216, utimensat: 304 },
  s390x: { lgetxattr: 228, llistxattr: 231, utimensat: 315 },
}

/** Throws OperationError for a processor that is not in the tables. */
export function numberOf(call: SystemCall): number {
  const number = numbers[process.arch]?.[call]
  if (number === undefined) {
    throw new OperationError(`the number of ${call}(2) on ${process.arch} is not known`)
  }
  return number
}
