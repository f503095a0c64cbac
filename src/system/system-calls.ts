import { OperationError } from '../errors.ts'

type SystemCall =
  'setxattr' | 'getxattr' | 'lgetxattr' | 'listxattr' | 'llistxattr' | 'removexattr' | 'utimensat'

/** Of most newer processors (asm-generic/unistd.h). */
const generic = {
  setxattr: 5,
  getxattr: 8,
  lgetxattr: 9,
  listxattr: 11,
  llistxattr: 12,
  removexattr: 14,
  utimensat: 88,
}

/**
 * Calls that Node has not, by the kernel's tables of system calls; perl(1) makes them by their
 * numbers.
 */
const numbers: Readonly<Partial<Record<NodeJS.Architecture, Record<SystemCall, number>>>> = {
  x64: {
    setxattr: 188,
    getxattr: 191,
    lgetxattr: 192,
    listxattr: 194,
    llistxattr: 195,
    removexattr: 197,
    utimensat: 280,
  },
  arm64: generic,
  riscv64: generic,
  loong64: generic,
  ppc64: {
    setxattr: 209,
    getxattr: 212,
    lgetxattr: 213,
    listxattr: 215,
    llistxattr: 216,
    removexattr: 218,
    utimensat: 304,
  },
  s390x: {
    setxattr: 224,
    getxattr: 227,
    lgetxattr: 228,
    listxattr: 230,
    llistxattr: 231,
    removexattr: 233,
    utimensat: 315,
  },
}

/** Throws OperationError for a processor that is not in the tables. */
export function numberOf(call: SystemCall): number {
  const number = numbers[process.arch]?.[call]
  if (number === undefined) {
    throw new OperationError(`the number of ${call}(2) on ${process.arch} is not known`)
  }
  return number
}
