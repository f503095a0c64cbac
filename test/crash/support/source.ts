import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const filler = '.'.repeat(3000)
/** Large enough to be cloned where that can be. */
const largeFiller = '.'.repeat(100_000)

/**
 * Writes generation `number` of two volumes: every file but those in `still` says which it is, so
 * that a copy that mixes two is not equal to either.
 */
export function writeGeneration(db: string, www: string, number: number): void {
  for (let index = 0; index < 12; index += 1) {
    replaceFile(join(db, `replaced-${index}`), `generation ${number} of ${index}\n${filler}`)
    writeFileSync(join(db, `in-place-${index}`), `generation ${number} of ${index}\n`)
  }
  replaceFile(join(db, 'large'), `generation ${number}\n${largeFiller}`)
  mkdirSync(join(db, 'still'), { recursive: true })
  if (number === 0) {
    for (let index = 0; index < 8; index += 1) {
      writeFileSync(join(db, 'still', `file-${index}`), `never changes ${index}\n${filler}`)
    }
  }
  rmSync(join(db, `only-${number - 1}`), { recursive: true, force: true })
  mkdirSync(join(db, `only-${number}`))
  writeFileSync(join(db, `only-${number}`, 'file'), `generation ${number}\n`)
  chmodSync(join(db, 'replaced-0'), number % 2 === 0 ? 0o600 : 0o640)

  // the other volume has none, because engine link restores those with groups as rsync does
  writeLinkGroup(www, number)
  replaceFile(join(www, 'index'), `generation ${number}\n`)
  rmSync(join(www, 'current'), { force: true })
  symlinkSync(`generation-${number}`, join(www, 'current'))
  utimesSync(www, 1_700_000_000 + number, 1_700_000_000 + number)
}

/** Three names, two of them for one file; which two changes. */
function writeLinkGroup(www: string, number: number): void {
  const names = ['one', 'two', 'three'].map((name) => join(www, `linked-${name}`))
  for (const name of names) rmSync(name, { force: true })
  const [first = '', second = '', third = ''] = [...names.slice(number % 3), ...names]
  writeFileSync(first, `generation ${number}, two names\n`)
  linkSync(first, second)
  writeFileSync(third, `generation ${number}, one name\n`)
}

function replaceFile(path: string, content: string): void {
  writeFileSync(`${path}.new`, content)
  renameSync(`${path}.new`, path)
}
