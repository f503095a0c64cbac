import { existsSync, mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lack } from '../abilities.ts'
import { isKept } from './is-kept.ts'

/** Letters with an accent, composed and not, are two names. */
const ordinary = ['\u00e9', 'e\u0301', 'end.', 'end '].map((name) => Buffer.from(name))
const withColon = Buffer.from('a:b')
const notUtf8 = Buffer.from([0x61, 0xff, 0xfe, 0x80])

/**
 * Makes files of awkward names in the new directory `home`, and tells which cannot be, or are
 * others when they are listed. A name that cannot be made fails the snapshot that has it; one that
 * becomes another does not.
 */
export function probeNames(home: string): Lack[] {
  mkdirSync(home)
  const all = [...ordinary, withColon, notUtf8]
  const made = new Set(all.filter((name) => isKept(() => make(home, name))))
  const listed = readdirSync(home, { encoding: 'buffer' })

  // here, because Node's rm may take them for text
  for (const name of listed) unlinkSync(inDirectory(home, name))
  const areSame =
    listed.length === made.size && [...made].every((name) => listed.some((one) => one.equals(name)))

  return [
    ...(areSame && ordinary.every((name) => made.has(name)) ? [] : ['names' as const]),
    ...(made.has(withColon) ? [] : ['names with a colon' as const]),
    ...(made.has(notUtf8) ? [] : ['names not in UTF-8' as const]),
    ...(isKept(() => tellsCase(home)) ? [] : ['case' as const]),
  ]
}

function make(directory: string, name: Buffer): boolean {
  writeFileSync(inDirectory(directory, name), '')
  return true
}

function inDirectory(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name])
}

function tellsCase(home: string): boolean {
  writeFileSync(join(home, 'Case'), '')
  return !existsSync(join(home, 'cASE'))
}
