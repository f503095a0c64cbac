import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { TarError } from '../../../src/archive/tar-header.ts'
import { TarGuard, type TarMember } from '../../../src/archive/tar-guard.ts'

const long = 'x'.repeat(200)

function makeTar(...words: string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'tar-guard-'))
  try {
    mkdirSync(join(directory, 'd'))
    writeFileSync(join(directory, 'd/empty'), '')
    writeFileSync(join(directory, 'd/new\nline'), 'two\nlines\n')
    writeFileSync(join(directory, 'd', long), Buffer.alloc(3000, 1))
    writeFileSync(join(directory, 'd/holes'), 'x')
    truncateSync(join(directory, 'd/holes'), 5_000_000)
    execFileSync('ln', ['-s', `${long}/${long}`, 'd/link'], { cwd: directory })
    execFileSync('ln', ['d/empty', 'd/second'], { cwd: directory })
    const all = ['-c', '-S', '--sort=name', ...words]
    // export leaves these out
    if (!words.includes('--format=gnu')) all.push('--pax-option=delete=atime,delete=ctime')
    all.push('d')
    return execFileSync('tar', all, { cwd: directory, maxBuffer: 1024 ** 3 })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** What the guard finds and lets through, in pieces of some size. */
function guard(tar: Buffer, size: number) {
  const members: TarMember[] = []
  const passed: Buffer[] = []
  const guarded = new TarGuard<string>('first', (member) => {
    members.push(member)
    return member.name
  })
  for (let at = 0; at < tar.length; at += size) {
    for (const { bytes } of guarded.push(tar.subarray(at, at + size))) {
      passed.push(Buffer.from(bytes))
    }
  }
  return { members, passed: Buffer.concat(passed), isEnded: guarded.isEnded }
}

describe('TarGuard', () => {
  const tar = makeTar('--format=posix')

  for (const size of [1, 100, 511, 512, 513, 100_000]) {
    it(`finds all members, and lets all of them through, in pieces of ${size} bytes`, () => {
      const { members, passed, isEnded } = guard(tar, size)
      expect(members.map(({ name, type }) => `${type} ${name}`)).to.deep.equal([
        '5 d/',
        '0 d/empty',
        '0 d/holes',
        '2 d/link',
        '0 d/new\nline',
        '1 d/second',
        `0 d/${long}`,
      ])
      expect(members.find(({ name }) => name === 'd/link')?.linkName).to.equal(`${long}/${long}`)
      expect(isEnded).to.equal(true)
      expect(tar.subarray(0, passed.length).equals(passed)).to.equal(true)
      expect(tar.subarray(passed.length).every((byte) => byte === 0)).to.equal(true)
    })
  }

  it('lets no byte of a member through that was refused', () => {
    const guarded = new TarGuard<string>('first', ({ name }) => {
      if (name.includes('new')) throw new Error('refused')
      return 'data'
    })
    expect(() => guarded.push(tar)).to.throw('refused')
  })

  it('hands over the content of a member', () => {
    let content = ''
    const guarded: TarGuard<string> = new TarGuard<string>('first', ({ name, size }) => {
      if (name.includes('new')) guarded.capture(size, (bytes) => (content = bytes.toString()))
      return 'data'
    })
    for (let at = 0; at < tar.length; at += 7) guarded.push(tar.subarray(at, at + 7))
    expect(content).to.equal('two\nlines\n')
  })

  it('knows an archive that is cut off', () => {
    expect(guard(tar.subarray(0, tar.length - 10_240), 512).isEnded).to.equal(false)
  })

  const others: [what: string, tar: () => Buffer][] = [
    ['the form gnu', () => makeTar('--format=gnu')],
    [
      'a pax record that export does not write',
      () => makeTar('--format=posix', '--pax-option=comment:=x'),
    ],
    [
      'a global pax header',
      () => makeTar('--format=posix', '--pax-option=globexthdr.name=x,mtime=1'),
    ],
    ['a damaged header', () => Buffer.concat([Buffer.from('x'), tar.subarray(1)])],
    ['something behind its end', () => Buffer.concat([tar, Buffer.from('x')])],
    ['what is no tar', () => Buffer.alloc(2048, 'nonsense')],
  ]
  for (const [what, make] of others) {
    it(`refuses ${what}`, () => {
      expect(() => guard(make(), 4096)).to.throw(TarError)
    })
  }
})
