import { existsSync, mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lack } from '../abilities.ts'
import { succeeds } from './succeeds.ts'

/**
 * Names that every store must keep. Composed and decomposed accents are different names; some
 * filesystems strip a dot or a blank at the end.
 */
const required = ['\u00e9', 'e\u0301', 'end.', 'end '].map((name) => Buffer.from(name))
const withColon = Buffer.from('a:b')
const notUtf8 = Buffer.from([0x61, 0xff, 0xfe, 0x80])

/**
 * Makes files with difficult names in the new directory `home`, and tells which cannot be made, or
 * come back changed. The former make a snapshot fail; the latter would go unnoticed.
 */
export function probeNames(home: string): Lack[] {
  mkdirSync(home)
  const all = [...required, withColon, notUtf8]
  const made = new Set(all.filter((name) => succeeds(() => make(home, name))))
  const listed = readdirSync(home, { encoding: 'buffer' })

  // here, because a recursive rmSync() may decode names as UTF-8 and miss others
  for (const name of listed) unlinkSync(inDirectory(home, name))
  const cameBackUnchanged =
    listed.length === made.size && [...made].every((name) => listed.some((one) => one.equals(name)))

  return [
    ...(cameBackUnchanged && required.every((name) => made.has(name)) ? [] : ['names' as const]),
    ...(made.has(withColon) ? [] : ['names with a colon' as const]),
    ...(made.has(notUtf8) ? [] : ['names not in UTF-8' as const]),
    ...(succeeds(() => isCaseSensitive(home)) ? [] : ['case' as const]),
  ]
}

function make(directory: string, name: Buffer): boolean {
  writeFileSync(inDirectory(directory, name), '')
  return true
}

function inDirectory(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name])
}

function isCaseSensitive(home: string): boolean {
  writeFileSync(join(home, 'Case'), '')
  return !existsSync(join(home, 'cASE'))
}
