import { existsSync } from 'node:fs'
import { scrubbedEnvironment } from './spawn.ts'

/** Where `spawn` finds a program; undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  return scrubbedEnvironment.PATH.split(':')
    .map((place) => `${place}/${name}`)
    .find((path) => existsSync(path))
}
