import { expect } from 'chai'
import { OperationError } from '../../../src/errors.ts'
import { assertPrivileges, maySetSecurityAttributes } from '../../../src/system/privileges.ts'

function status(effective: string): string {
  return `Name:\tnode\nCapInh:\t0000000000000000\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t000001ffffffffff\n`
}

describe('assertPrivileges', () => {
  it('is content with all capabilities', () => {
    expect(() => assertPrivileges(status('000001ffffffffff'))).not.to.throw()
  })

  it('is content with the six it needs and no more', () => {
    expect(() => assertPrivileges(status('000000008800001b'))).not.to.throw()
  })

  it("is content with Docker's own set, which has them", () => {
    expect(() => assertPrivileges(status('00000000a80425fb'))).not.to.throw()
  })

  it('names the one that is missing, and how to give it', () => {
    expect(() => assertPrivileges(status('000000008000001b'))).to.throw(
      OperationError,
      'without the capability MKNOD: run as root, in Docker with --cap-add MKNOD',
    )
  })

  it('names two that are missing', () => {
    expect(() => assertPrivileges(status('000000008800000a'))).to.throw(
      'without the capabilities CHOWN, FSETID: run as root, in Docker with --cap-add CHOWN --cap-add FSETID',
    )
  })

  it('names all six for another user than root', () => {
    expect(() => assertPrivileges(status('0000000000000000'))).to.throw(
      'CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP',
    )
  })

  it('looks at the effective ones, not at those that could be had', () => {
    expect(() => assertPrivileges('CapPrm:\t000001ffffffffff\n')).to.throw(OperationError)
  })

  it('says it in one line', () => {
    expect(() => assertPrivileges(status('0'))).to.throw(/^[^\n]*$/)
  })
})

describe('maySetSecurityAttributes', () => {
  const first = '         0          0 4294967295\n'
  const inner = '         0     100000      65536\n'

  it('is so for all capabilities', () => {
    expect(maySetSecurityAttributes(status('000001ffffffffff'), first)).to.equal(true)
  })

  it("is not for Docker's own set", () => {
    expect(maySetSecurityAttributes(status('00000000a80425fb'), first)).to.equal(false)
  })

  it('is not in a user namespace, whose SYS_ADMIN is none for the filesystems of the host', () => {
    expect(maySetSecurityAttributes(status('000001ffffffffff'), inner)).to.equal(false)
  })
})
